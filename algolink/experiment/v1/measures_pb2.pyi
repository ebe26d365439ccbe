from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_ROLE_UNSPECIFIED: _ClassVar[MetricRole]
    METRIC_ROLE_PRIMARY: _ClassVar[MetricRole]
    METRIC_ROLE_SECONDARY: _ClassVar[MetricRole]
    METRIC_ROLE_GUARDRAIL: _ClassVar[MetricRole]
    METRIC_ROLE_DIAGNOSTIC: _ClassVar[MetricRole]

class Standing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STANDING_UNSPECIFIED: _ClassVar[Standing]
    STANDING_NON_INFERIOR: _ClassVar[Standing]
    STANDING_UNDECIDED: _ClassVar[Standing]
    STANDING_INFERIOR: _ClassVar[Standing]
METRIC_ROLE_UNSPECIFIED: MetricRole
METRIC_ROLE_PRIMARY: MetricRole
METRIC_ROLE_SECONDARY: MetricRole
METRIC_ROLE_GUARDRAIL: MetricRole
METRIC_ROLE_DIAGNOSTIC: MetricRole
STANDING_UNSPECIFIED: Standing
STANDING_NON_INFERIOR: Standing
STANDING_UNDECIDED: Standing
STANDING_INFERIOR: Standing

class ExperimentMetric(_message.Message):
    __slots__ = ("metric", "role", "margin")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    metric: str
    role: MetricRole
    margin: float
    def __init__(self, metric: _Optional[str] = ..., role: _Optional[_Union[MetricRole, str]] = ..., margin: _Optional[float] = ...) -> None: ...

class MetricResults(_message.Message):
    __slots__ = ("metric", "role", "kind", "arms", "comparisons")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    metric: str
    role: MetricRole
    kind: str
    arms: _containers.RepeatedCompositeFieldContainer[MetricArmResults]
    comparisons: _containers.RepeatedCompositeFieldContainer[Comparison]
    def __init__(self, metric: _Optional[str] = ..., role: _Optional[_Union[MetricRole, str]] = ..., kind: _Optional[str] = ..., arms: _Optional[_Iterable[_Union[MetricArmResults, _Mapping]]] = ..., comparisons: _Optional[_Iterable[_Union[Comparison, _Mapping]]] = ...) -> None: ...

class MetricArmResults(_message.Message):
    __slots__ = ("arm", "units", "outcomes", "outside_window", "late", "estimate", "lower", "upper", "cells")
    ARM_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    OUTSIDE_WINDOW_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    arm: str
    units: int
    outcomes: int
    outside_window: int
    late: int
    estimate: float
    lower: float
    upper: float
    cells: _containers.RepeatedCompositeFieldContainer[MetricCell]
    def __init__(self, arm: _Optional[str] = ..., units: _Optional[int] = ..., outcomes: _Optional[int] = ..., outside_window: _Optional[int] = ..., late: _Optional[int] = ..., estimate: _Optional[float] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., cells: _Optional[_Iterable[_Union[MetricCell, _Mapping]]] = ...) -> None: ...

class MetricCell(_message.Message):
    __slots__ = ("phase", "units", "count", "means", "products")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEANS_FIELD_NUMBER: _ClassVar[int]
    PRODUCTS_FIELD_NUMBER: _ClassVar[int]
    phase: int
    units: int
    count: int
    means: _containers.RepeatedScalarFieldContainer[float]
    products: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, phase: _Optional[int] = ..., units: _Optional[int] = ..., count: _Optional[int] = ..., means: _Optional[_Iterable[float]] = ..., products: _Optional[_Iterable[float]] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ("arm", "effect", "lower", "upper", "p_value", "lift", "undefined_reason", "adjusted_p_value", "standing", "harm_p_value")
    ARM_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    LIFT_FIELD_NUMBER: _ClassVar[int]
    UNDEFINED_REASON_FIELD_NUMBER: _ClassVar[int]
    ADJUSTED_P_VALUE_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    HARM_P_VALUE_FIELD_NUMBER: _ClassVar[int]
    arm: str
    effect: float
    lower: float
    upper: float
    p_value: float
    lift: float
    undefined_reason: str
    adjusted_p_value: float
    standing: Standing
    harm_p_value: float
    def __init__(self, arm: _Optional[str] = ..., effect: _Optional[float] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., p_value: _Optional[float] = ..., lift: _Optional[float] = ..., undefined_reason: _Optional[str] = ..., adjusted_p_value: _Optional[float] = ..., standing: _Optional[_Union[Standing, str]] = ..., harm_p_value: _Optional[float] = ...) -> None: ...
