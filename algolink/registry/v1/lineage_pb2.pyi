import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Relation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELATION_UNSPECIFIED: _ClassVar[Relation]
    RELATION_FINE_TUNED_FROM: _ClassVar[Relation]
    RELATION_CONVERTED_FROM: _ClassVar[Relation]
    RELATION_ENSEMBLE_OF: _ClassVar[Relation]
    RELATION_DISTILLED_FROM: _ClassVar[Relation]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_UPSTREAM: _ClassVar[Direction]
    DIRECTION_DOWNSTREAM: _ClassVar[Direction]
    DIRECTION_BOTH: _ClassVar[Direction]

class NodeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_KIND_UNSPECIFIED: _ClassVar[NodeKind]
    NODE_KIND_VERSION: _ClassVar[NodeKind]
    NODE_KIND_DATASET: _ClassVar[NodeKind]
    NODE_KIND_CODE: _ClassVar[NodeKind]
    NODE_KIND_ENVIRONMENT: _ClassVar[NodeKind]
RELATION_UNSPECIFIED: Relation
RELATION_FINE_TUNED_FROM: Relation
RELATION_CONVERTED_FROM: Relation
RELATION_ENSEMBLE_OF: Relation
RELATION_DISTILLED_FROM: Relation
DIRECTION_UNSPECIFIED: Direction
DIRECTION_UPSTREAM: Direction
DIRECTION_DOWNSTREAM: Direction
DIRECTION_BOTH: Direction
NODE_KIND_UNSPECIFIED: NodeKind
NODE_KIND_VERSION: NodeKind
NODE_KIND_DATASET: NodeKind
NODE_KIND_CODE: NodeKind
NODE_KIND_ENVIRONMENT: NodeKind

class Lineage(_message.Message):
    __slots__ = ("version", "datasets", "code", "run", "parents", "environment_digest", "recorder", "record_time")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RECORDER_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    version: str
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetUse]
    code: Code
    run: Run
    parents: _containers.RepeatedCompositeFieldContainer[Parent]
    environment_digest: str
    recorder: str
    record_time: _timestamp_pb2.Timestamp
    def __init__(self, version: _Optional[str] = ..., datasets: _Optional[_Iterable[_Union[DatasetUse, _Mapping]]] = ..., code: _Optional[_Union[Code, _Mapping]] = ..., run: _Optional[_Union[Run, _Mapping]] = ..., parents: _Optional[_Iterable[_Union[Parent, _Mapping]]] = ..., environment_digest: _Optional[str] = ..., recorder: _Optional[str] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DatasetUse(_message.Message):
    __slots__ = ("uri", "digest", "role", "row_count", "columns")
    URI_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    uri: str
    digest: str
    role: str
    row_count: int
    columns: _containers.RepeatedCompositeFieldContainer[DatasetColumn]
    def __init__(self, uri: _Optional[str] = ..., digest: _Optional[str] = ..., role: _Optional[str] = ..., row_count: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[DatasetColumn, _Mapping]]] = ...) -> None: ...

class DatasetColumn(_message.Message):
    __slots__ = ("name", "type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class Code(_message.Message):
    __slots__ = ("repository", "commit", "dirty")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    DIRTY_FIELD_NUMBER: _ClassVar[int]
    repository: str
    commit: str
    dirty: bool
    def __init__(self, repository: _Optional[str] = ..., commit: _Optional[str] = ..., dirty: _Optional[bool] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("id", "parameters", "metrics")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    id: str
    parameters: _containers.ScalarMap[str, str]
    metrics: _containers.ScalarMap[str, float]
    def __init__(self, id: _Optional[str] = ..., parameters: _Optional[_Mapping[str, str]] = ..., metrics: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Parent(_message.Message):
    __slots__ = ("version", "relation")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    version: str
    relation: Relation
    def __init__(self, version: _Optional[str] = ..., relation: _Optional[_Union[Relation, str]] = ...) -> None: ...

class RecordLineageRequest(_message.Message):
    __slots__ = ("lineage",)
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    lineage: Lineage
    def __init__(self, lineage: _Optional[_Union[Lineage, _Mapping]] = ...) -> None: ...

class GetLineageRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class TraceLineageRequest(_message.Message):
    __slots__ = ("start", "direction", "depth")
    START_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    start: str
    direction: Direction
    depth: int
    def __init__(self, start: _Optional[str] = ..., direction: _Optional[_Union[Direction, str]] = ..., depth: _Optional[int] = ...) -> None: ...

class LineageGraph(_message.Message):
    __slots__ = ("nodes", "edges", "cut")
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    CUT_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[LineageNode]
    edges: _containers.RepeatedCompositeFieldContainer[LineageEdge]
    cut: bool
    def __init__(self, nodes: _Optional[_Iterable[_Union[LineageNode, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[LineageEdge, _Mapping]]] = ..., cut: _Optional[bool] = ...) -> None: ...

class LineageNode(_message.Message):
    __slots__ = ("id", "kind", "aliases", "row_count", "dirty")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    DIRTY_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: NodeKind
    aliases: _containers.RepeatedScalarFieldContainer[str]
    row_count: int
    dirty: bool
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[_Union[NodeKind, str]] = ..., aliases: _Optional[_Iterable[str]] = ..., row_count: _Optional[int] = ..., dirty: _Optional[bool] = ...) -> None: ...

class LineageEdge(_message.Message):
    __slots__ = ("made", "source", "relation")
    MADE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    made: str
    source: str
    relation: str
    def __init__(self, made: _Optional[str] = ..., source: _Optional[str] = ..., relation: _Optional[str] = ...) -> None: ...

class FindDatasetUsersRequest(_message.Message):
    __slots__ = ("uri", "digest", "in_production")
    URI_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    IN_PRODUCTION_FIELD_NUMBER: _ClassVar[int]
    uri: str
    digest: str
    in_production: bool
    def __init__(self, uri: _Optional[str] = ..., digest: _Optional[str] = ..., in_production: _Optional[bool] = ...) -> None: ...

class FindDatasetUsersResponse(_message.Message):
    __slots__ = ("users",)
    USERS_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[DatasetUser]
    def __init__(self, users: _Optional[_Iterable[_Union[DatasetUser, _Mapping]]] = ...) -> None: ...

class DatasetUser(_message.Message):
    __slots__ = ("version", "aliases", "path")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    version: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    path: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., path: _Optional[_Iterable[str]] = ...) -> None: ...
