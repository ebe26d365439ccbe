import datetime

from algolink.experiment.v1 import experiment_pb2 as _experiment_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_KIND_UNSPECIFIED: _ClassVar[MetricKind]
    METRIC_KIND_BINARY: _ClassVar[MetricKind]
    METRIC_KIND_MEAN: _ClassVar[MetricKind]
    METRIC_KIND_COUNT: _ClassVar[MetricKind]
    METRIC_KIND_RATIO: _ClassVar[MetricKind]
    METRIC_KIND_QUANTILE: _ClassVar[MetricKind]
    METRIC_KIND_ERROR_RATE: _ClassVar[MetricKind]
    METRIC_KIND_SLOW_SHARE: _ClassVar[MetricKind]
    METRIC_KIND_FALLBACK_RATE: _ClassVar[MetricKind]
    METRIC_KIND_LATENCY_QUANTILE: _ClassVar[MetricKind]
METRIC_KIND_UNSPECIFIED: MetricKind
METRIC_KIND_BINARY: MetricKind
METRIC_KIND_MEAN: MetricKind
METRIC_KIND_COUNT: MetricKind
METRIC_KIND_RATIO: MetricKind
METRIC_KIND_QUANTILE: MetricKind
METRIC_KIND_ERROR_RATE: MetricKind
METRIC_KIND_SLOW_SHARE: MetricKind
METRIC_KIND_FALLBACK_RATE: MetricKind
METRIC_KIND_LATENCY_QUANTILE: MetricKind

class MetricVersion(_message.Message):
    __slots__ = ("name", "kind", "direction", "outcome", "denominator", "aggregation", "window_ms", "lateness_ms", "lower_cap", "upper_cap", "covariate", "level", "threshold_ms", "minimum_effect", "description", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    WINDOW_MS_FIELD_NUMBER: _ClassVar[int]
    LATENESS_MS_FIELD_NUMBER: _ClassVar[int]
    LOWER_CAP_FIELD_NUMBER: _ClassVar[int]
    UPPER_CAP_FIELD_NUMBER: _ClassVar[int]
    COVARIATE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_MS_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_EFFECT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: MetricKind
    direction: _experiment_pb2.Direction
    outcome: str
    denominator: str
    aggregation: _experiment_pb2.Aggregation
    window_ms: int
    lateness_ms: int
    lower_cap: float
    upper_cap: float
    covariate: Covariate
    level: float
    threshold_ms: int
    minimum_effect: float
    description: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[MetricKind, str]] = ..., direction: _Optional[_Union[_experiment_pb2.Direction, str]] = ..., outcome: _Optional[str] = ..., denominator: _Optional[str] = ..., aggregation: _Optional[_Union[_experiment_pb2.Aggregation, str]] = ..., window_ms: _Optional[int] = ..., lateness_ms: _Optional[int] = ..., lower_cap: _Optional[float] = ..., upper_cap: _Optional[float] = ..., covariate: _Optional[_Union[Covariate, _Mapping]] = ..., level: _Optional[float] = ..., threshold_ms: _Optional[int] = ..., minimum_effect: _Optional[float] = ..., description: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Covariate(_message.Message):
    __slots__ = ("outcome", "denominator", "period_ms")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    PERIOD_MS_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    denominator: str
    period_ms: int
    def __init__(self, outcome: _Optional[str] = ..., denominator: _Optional[str] = ..., period_ms: _Optional[int] = ...) -> None: ...

class CreateMetricRequest(_message.Message):
    __slots__ = ("metric_id", "metric")
    METRIC_ID_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    metric_id: str
    metric: MetricVersion
    def __init__(self, metric_id: _Optional[str] = ..., metric: _Optional[_Union[MetricVersion, _Mapping]] = ...) -> None: ...

class GetMetricRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListMetricsRequest(_message.Message):
    __slots__ = ("metric",)
    METRIC_FIELD_NUMBER: _ClassVar[int]
    metric: str
    def __init__(self, metric: _Optional[str] = ...) -> None: ...

class ListMetricsResponse(_message.Message):
    __slots__ = ("metrics",)
    METRICS_FIELD_NUMBER: _ClassVar[int]
    metrics: _containers.RepeatedCompositeFieldContainer[MetricVersion]
    def __init__(self, metrics: _Optional[_Iterable[_Union[MetricVersion, _Mapping]]] = ...) -> None: ...
