from algolink.registry.v1 import registry_pb2 as _registry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DifferenceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIFFERENCE_KIND_UNSPECIFIED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_INPUT_ADDED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_INPUT_REMOVED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_INPUT_DATATYPE: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_INPUT_SHAPE: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_OUTPUT_ADDED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_OUTPUT_REMOVED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_OUTPUT_DATATYPE: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_OUTPUT_SHAPE: _ClassVar[DifferenceKind]
DIFFERENCE_KIND_UNSPECIFIED: DifferenceKind
DIFFERENCE_KIND_INPUT_ADDED: DifferenceKind
DIFFERENCE_KIND_INPUT_REMOVED: DifferenceKind
DIFFERENCE_KIND_INPUT_DATATYPE: DifferenceKind
DIFFERENCE_KIND_INPUT_SHAPE: DifferenceKind
DIFFERENCE_KIND_OUTPUT_ADDED: DifferenceKind
DIFFERENCE_KIND_OUTPUT_REMOVED: DifferenceKind
DIFFERENCE_KIND_OUTPUT_DATATYPE: DifferenceKind
DIFFERENCE_KIND_OUTPUT_SHAPE: DifferenceKind

class DeprecateVersionRequest(_message.Message):
    __slots__ = ("name", "etag", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ArchiveVersionRequest(_message.Message):
    __slots__ = ("name", "etag", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DeleteVersionRequest(_message.Message):
    __slots__ = ("name", "etag", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RestoreVersionRequest(_message.Message):
    __slots__ = ("name", "etag", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AnnotateVersionRequest(_message.Message):
    __slots__ = ("name", "etag", "description", "set_tags", "remove_tags", "set_metrics", "remove_metrics")
    class SetTagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class SetMetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SET_TAGS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_TAGS_FIELD_NUMBER: _ClassVar[int]
    SET_METRICS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_METRICS_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    description: str
    set_tags: _containers.ScalarMap[str, str]
    remove_tags: _containers.RepeatedScalarFieldContainer[str]
    set_metrics: _containers.ScalarMap[str, float]
    remove_metrics: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., description: _Optional[str] = ..., set_tags: _Optional[_Mapping[str, str]] = ..., remove_tags: _Optional[_Iterable[str]] = ..., set_metrics: _Optional[_Mapping[str, float]] = ..., remove_metrics: _Optional[_Iterable[str]] = ...) -> None: ...

class CompareVersionsRequest(_message.Message):
    __slots__ = ("base", "candidate")
    BASE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    base: str
    candidate: str
    def __init__(self, base: _Optional[str] = ..., candidate: _Optional[str] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ("base", "candidate", "compatible", "differences")
    BASE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    COMPATIBLE_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    base: str
    candidate: str
    compatible: bool
    differences: _containers.RepeatedCompositeFieldContainer[Difference]
    def __init__(self, base: _Optional[str] = ..., candidate: _Optional[str] = ..., compatible: _Optional[bool] = ..., differences: _Optional[_Iterable[_Union[Difference, _Mapping]]] = ...) -> None: ...

class Difference(_message.Message):
    __slots__ = ("kind", "tensor", "base", "candidate", "breaking", "explanation")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    BREAKING_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    kind: DifferenceKind
    tensor: str
    base: _registry_pb2.TensorSpec
    candidate: _registry_pb2.TensorSpec
    breaking: bool
    explanation: str
    def __init__(self, kind: _Optional[_Union[DifferenceKind, str]] = ..., tensor: _Optional[str] = ..., base: _Optional[_Union[_registry_pb2.TensorSpec, _Mapping]] = ..., candidate: _Optional[_Union[_registry_pb2.TensorSpec, _Mapping]] = ..., breaking: _Optional[bool] = ..., explanation: _Optional[str] = ...) -> None: ...
