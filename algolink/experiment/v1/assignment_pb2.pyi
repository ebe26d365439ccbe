from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AssignRequest(_message.Message):
    __slots__ = ("experiment", "unit")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    unit: str
    def __init__(self, experiment: _Optional[str] = ..., unit: _Optional[str] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("experiment", "unit", "arm", "version", "bucket", "segment_start", "segment_end", "phase", "revision", "reason")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_START_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_END_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    unit: str
    arm: str
    version: int
    bucket: int
    segment_start: int
    segment_end: int
    phase: int
    revision: int
    reason: str
    def __init__(self, experiment: _Optional[str] = ..., unit: _Optional[str] = ..., arm: _Optional[str] = ..., version: _Optional[int] = ..., bucket: _Optional[int] = ..., segment_start: _Optional[int] = ..., segment_end: _Optional[int] = ..., phase: _Optional[int] = ..., revision: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class AssignUnitsRequest(_message.Message):
    __slots__ = ("experiment", "units")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    units: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, experiment: _Optional[str] = ..., units: _Optional[_Iterable[str]] = ...) -> None: ...

class AssignUnitsResponse(_message.Message):
    __slots__ = ("arms", "arm_indexes", "phase", "revision")
    ARMS_FIELD_NUMBER: _ClassVar[int]
    ARM_INDEXES_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    arms: _containers.RepeatedCompositeFieldContainer[AssignedArm]
    arm_indexes: _containers.RepeatedScalarFieldContainer[int]
    phase: int
    revision: int
    def __init__(self, arms: _Optional[_Iterable[_Union[AssignedArm, _Mapping]]] = ..., arm_indexes: _Optional[_Iterable[int]] = ..., phase: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class AssignedArm(_message.Message):
    __slots__ = ("id", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    version: int
    def __init__(self, id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...
