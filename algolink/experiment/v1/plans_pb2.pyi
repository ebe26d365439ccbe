from algolink.experiment.v1 import experiment_pb2 as _experiment_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PlanExperimentRequest(_message.Message):
    __slots__ = ("experiment", "power", "deviation", "units_per_day")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_FIELD_NUMBER: _ClassVar[int]
    UNITS_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    experiment: _experiment_pb2.Experiment
    power: float
    deviation: float
    units_per_day: float
    def __init__(self, experiment: _Optional[_Union[_experiment_pb2.Experiment, _Mapping]] = ..., power: _Optional[float] = ..., deviation: _Optional[float] = ..., units_per_day: _Optional[float] = ...) -> None: ...

class Plan(_message.Message):
    __slots__ = ("source", "source_units", "mean", "deviation", "minimum_effect", "alpha", "power", "units", "fixed_units", "units_per_day", "days", "optimal_units")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_UNITS_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_EFFECT_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    FIXED_UNITS_FIELD_NUMBER: _ClassVar[int]
    UNITS_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    OPTIMAL_UNITS_FIELD_NUMBER: _ClassVar[int]
    source: str
    source_units: int
    mean: float
    deviation: float
    minimum_effect: float
    alpha: float
    power: float
    units: int
    fixed_units: int
    units_per_day: float
    days: int
    optimal_units: int
    def __init__(self, source: _Optional[str] = ..., source_units: _Optional[int] = ..., mean: _Optional[float] = ..., deviation: _Optional[float] = ..., minimum_effect: _Optional[float] = ..., alpha: _Optional[float] = ..., power: _Optional[float] = ..., units: _Optional[int] = ..., fixed_units: _Optional[int] = ..., units_per_day: _Optional[float] = ..., days: _Optional[int] = ..., optimal_units: _Optional[int] = ...) -> None: ...
