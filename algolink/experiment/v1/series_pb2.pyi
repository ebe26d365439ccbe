import datetime

from algolink.experiment.v1 import measures_pb2 as _measures_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetResultsSeriesRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResultsSeries(_message.Message):
    __slots__ = ("experiment", "points")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    points: _containers.RepeatedCompositeFieldContainer[ResultsPoint]
    def __init__(self, experiment: _Optional[str] = ..., points: _Optional[_Iterable[_Union[ResultsPoint, _Mapping]]] = ...) -> None: ...

class ResultsPoint(_message.Message):
    __slots__ = ("time", "revision", "phase", "changed", "final", "arms", "metrics", "sample_ratio_p_value", "sample_ratio_mismatch", "exposures", "lost_exposures")
    TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATIO_P_VALUE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATIO_MISMATCH_FIELD_NUMBER: _ClassVar[int]
    EXPOSURES_FIELD_NUMBER: _ClassVar[int]
    LOST_EXPOSURES_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    revision: int
    phase: int
    changed: bool
    final: bool
    arms: _containers.RepeatedCompositeFieldContainer[ArmPoint]
    metrics: _containers.RepeatedCompositeFieldContainer[MetricPoint]
    sample_ratio_p_value: float
    sample_ratio_mismatch: bool
    exposures: int
    lost_exposures: int
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ..., phase: _Optional[int] = ..., changed: _Optional[bool] = ..., final: _Optional[bool] = ..., arms: _Optional[_Iterable[_Union[ArmPoint, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[MetricPoint, _Mapping]]] = ..., sample_ratio_p_value: _Optional[float] = ..., sample_ratio_mismatch: _Optional[bool] = ..., exposures: _Optional[int] = ..., lost_exposures: _Optional[int] = ...) -> None: ...

class ArmPoint(_message.Message):
    __slots__ = ("arm", "units", "mean", "requests", "failed_requests")
    ARM_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    FAILED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    arm: str
    units: int
    mean: float
    requests: int
    failed_requests: int
    def __init__(self, arm: _Optional[str] = ..., units: _Optional[int] = ..., mean: _Optional[float] = ..., requests: _Optional[int] = ..., failed_requests: _Optional[int] = ...) -> None: ...

class MetricPoint(_message.Message):
    __slots__ = ("metric", "role", "comparisons")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    metric: str
    role: _measures_pb2.MetricRole
    comparisons: _containers.RepeatedCompositeFieldContainer[_measures_pb2.Comparison]
    def __init__(self, metric: _Optional[str] = ..., role: _Optional[_Union[_measures_pb2.MetricRole, str]] = ..., comparisons: _Optional[_Iterable[_Union[_measures_pb2.Comparison, _Mapping]]] = ...) -> None: ...
