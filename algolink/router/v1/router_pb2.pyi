import datetime

from algolink.router.v1 import rules_pb2 as _rules_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LoadState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOAD_STATE_UNSPECIFIED: _ClassVar[LoadState]
    LOAD_STATE_LOADING: _ClassVar[LoadState]
    LOAD_STATE_READY: _ClassVar[LoadState]
    LOAD_STATE_FAILED: _ClassVar[LoadState]
    LOAD_STATE_UNLOADING: _ClassVar[LoadState]
LOAD_STATE_UNSPECIFIED: LoadState
LOAD_STATE_LOADING: LoadState
LOAD_STATE_READY: LoadState
LOAD_STATE_FAILED: LoadState
LOAD_STATE_UNLOADING: LoadState

class Route(_message.Message):
    __slots__ = ("model", "revision", "champion_version", "versions", "split", "update_time", "live", "pending", "killed_versions", "frozen", "rules", "rejections", "proxyless_limitations")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CHAMPION_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    KILLED_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    PROXYLESS_LIMITATIONS_FIELD_NUMBER: _ClassVar[int]
    model: str
    revision: str
    champion_version: int
    versions: _containers.RepeatedScalarFieldContainer[int]
    split: Split
    update_time: _timestamp_pb2.Timestamp
    live: bool
    pending: _containers.RepeatedScalarFieldContainer[str]
    killed_versions: _containers.RepeatedScalarFieldContainer[int]
    frozen: bool
    rules: _rules_pb2.Rules
    rejections: _containers.RepeatedScalarFieldContainer[str]
    proxyless_limitations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[str] = ..., revision: _Optional[str] = ..., champion_version: _Optional[int] = ..., versions: _Optional[_Iterable[int]] = ..., split: _Optional[_Union[Split, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., live: _Optional[bool] = ..., pending: _Optional[_Iterable[str]] = ..., killed_versions: _Optional[_Iterable[int]] = ..., frozen: _Optional[bool] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., rejections: _Optional[_Iterable[str]] = ..., proxyless_limitations: _Optional[_Iterable[str]] = ...) -> None: ...

class Split(_message.Message):
    __slots__ = ("experiment", "phase", "salt", "per_request", "segments", "experiment_revision")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    PER_REQUEST_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_REVISION_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    phase: int
    salt: str
    per_request: bool
    segments: _containers.RepeatedCompositeFieldContainer[SplitSegment]
    experiment_revision: int
    def __init__(self, experiment: _Optional[str] = ..., phase: _Optional[int] = ..., salt: _Optional[str] = ..., per_request: _Optional[bool] = ..., segments: _Optional[_Iterable[_Union[SplitSegment, _Mapping]]] = ..., experiment_revision: _Optional[int] = ...) -> None: ...

class SplitSegment(_message.Message):
    __slots__ = ("start", "end", "arm", "version")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    arm: str
    version: int
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., arm: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetRouteRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class ListRoutesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRoutesResponse(_message.Message):
    __slots__ = ("routes",)
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    routes: _containers.RepeatedCompositeFieldContainer[Route]
    def __init__(self, routes: _Optional[_Iterable[_Union[Route, _Mapping]]] = ...) -> None: ...

class WatchRoutesRequest(_message.Message):
    __slots__ = ("routing_only",)
    ROUTING_ONLY_FIELD_NUMBER: _ClassVar[int]
    routing_only: bool
    def __init__(self, routing_only: _Optional[bool] = ...) -> None: ...

class WatchRoutesResponse(_message.Message):
    __slots__ = ("route", "deleted", "synced")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    route: Route
    deleted: str
    synced: _empty_pb2.Empty
    def __init__(self, route: _Optional[_Union[Route, _Mapping]] = ..., deleted: _Optional[str] = ..., synced: _Optional[_Union[_empty_pb2.Empty, _Mapping]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("model", "unit", "version", "time", "attributes")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    model: str
    unit: str
    version: int
    time: _timestamp_pb2.Timestamp
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    def __init__(self, model: _Optional[str] = ..., unit: _Optional[str] = ..., version: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("model", "route_revision", "version", "arm", "experiment", "bucket", "segment", "phase", "experiment_revision", "rules", "holdout_bucket", "rules_revision", "shadow_version", "shadow_share_bp", "fallback_version")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ROUTE_REVISION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_REVISION_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    HOLDOUT_BUCKET_FIELD_NUMBER: _ClassVar[int]
    RULES_REVISION_FIELD_NUMBER: _ClassVar[int]
    SHADOW_VERSION_FIELD_NUMBER: _ClassVar[int]
    SHADOW_SHARE_BP_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_VERSION_FIELD_NUMBER: _ClassVar[int]
    model: str
    route_revision: str
    version: int
    arm: str
    experiment: str
    bucket: int
    segment: SplitSegment
    phase: int
    experiment_revision: int
    rules: _containers.RepeatedCompositeFieldContainer[RuleOutcome]
    holdout_bucket: int
    rules_revision: int
    shadow_version: int
    shadow_share_bp: int
    fallback_version: int
    def __init__(self, model: _Optional[str] = ..., route_revision: _Optional[str] = ..., version: _Optional[int] = ..., arm: _Optional[str] = ..., experiment: _Optional[str] = ..., bucket: _Optional[int] = ..., segment: _Optional[_Union[SplitSegment, _Mapping]] = ..., phase: _Optional[int] = ..., experiment_revision: _Optional[int] = ..., rules: _Optional[_Iterable[_Union[RuleOutcome, _Mapping]]] = ..., holdout_bucket: _Optional[int] = ..., rules_revision: _Optional[int] = ..., shadow_version: _Optional[int] = ..., shadow_share_bp: _Optional[int] = ..., fallback_version: _Optional[int] = ...) -> None: ...

class RuleOutcome(_message.Message):
    __slots__ = ("rule", "decided", "why", "conditions")
    RULE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    rule: str
    decided: bool
    why: str
    conditions: _containers.RepeatedCompositeFieldContainer[ConditionOutcome]
    def __init__(self, rule: _Optional[str] = ..., decided: _Optional[bool] = ..., why: _Optional[str] = ..., conditions: _Optional[_Iterable[_Union[ConditionOutcome, _Mapping]]] = ...) -> None: ...

class ConditionOutcome(_message.Message):
    __slots__ = ("condition", "holds", "found")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    condition: str
    holds: bool
    found: str
    def __init__(self, condition: _Optional[str] = ..., holds: _Optional[bool] = ..., found: _Optional[str] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Status(_message.Message):
    __slots__ = ("replicas", "envoys", "settling")
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    ENVOYS_FIELD_NUMBER: _ClassVar[int]
    SETTLING_FIELD_NUMBER: _ClassVar[int]
    replicas: _containers.RepeatedCompositeFieldContainer[Replica]
    envoys: _containers.RepeatedCompositeFieldContainer[EnvoyNode]
    settling: bool
    def __init__(self, replicas: _Optional[_Iterable[_Union[Replica, _Mapping]]] = ..., envoys: _Optional[_Iterable[_Union[EnvoyNode, _Mapping]]] = ..., settling: _Optional[bool] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ("id", "pool", "grpc_address", "http_address", "alive", "versions", "renew_time", "foreign")
    ID_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    GRPC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    HTTP_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    RENEW_TIME_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_FIELD_NUMBER: _ClassVar[int]
    id: str
    pool: str
    grpc_address: str
    http_address: str
    alive: bool
    versions: _containers.RepeatedCompositeFieldContainer[LoadedVersion]
    renew_time: _timestamp_pb2.Timestamp
    foreign: bool
    def __init__(self, id: _Optional[str] = ..., pool: _Optional[str] = ..., grpc_address: _Optional[str] = ..., http_address: _Optional[str] = ..., alive: _Optional[bool] = ..., versions: _Optional[_Iterable[_Union[LoadedVersion, _Mapping]]] = ..., renew_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., foreign: _Optional[bool] = ...) -> None: ...

class EnvoyNode(_message.Message):
    __slots__ = ("id", "connected", "up_to_date", "rejected")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    UP_TO_DATE_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    id: str
    connected: bool
    up_to_date: bool
    rejected: str
    def __init__(self, id: _Optional[str] = ..., connected: _Optional[bool] = ..., up_to_date: _Optional[bool] = ..., rejected: _Optional[str] = ...) -> None: ...

class LoadedVersion(_message.Message):
    __slots__ = ("model", "version", "state", "message")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: int
    state: LoadState
    message: str
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., state: _Optional[_Union[LoadState, str]] = ..., message: _Optional[str] = ...) -> None: ...

class AnnounceRequest(_message.Message):
    __slots__ = ("replica_id", "pool", "grpc_address", "http_address", "versions", "draining", "foreign")
    REPLICA_ID_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    GRPC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    HTTP_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_FIELD_NUMBER: _ClassVar[int]
    replica_id: str
    pool: str
    grpc_address: str
    http_address: str
    versions: _containers.RepeatedCompositeFieldContainer[LoadedVersion]
    draining: bool
    foreign: bool
    def __init__(self, replica_id: _Optional[str] = ..., pool: _Optional[str] = ..., grpc_address: _Optional[str] = ..., http_address: _Optional[str] = ..., versions: _Optional[_Iterable[_Union[LoadedVersion, _Mapping]]] = ..., draining: _Optional[bool] = ..., foreign: _Optional[bool] = ...) -> None: ...

class AnnounceResponse(_message.Message):
    __slots__ = ("wanted", "settled")
    WANTED_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    wanted: _containers.RepeatedCompositeFieldContainer[WantedVersion]
    settled: bool
    def __init__(self, wanted: _Optional[_Iterable[_Union[WantedVersion, _Mapping]]] = ..., settled: _Optional[bool] = ...) -> None: ...

class WantedVersion(_message.Message):
    __slots__ = ("model", "version", "digest", "size_bytes", "is_champion")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    IS_CHAMPION_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: int
    digest: str
    size_bytes: int
    is_champion: bool
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., is_champion: _Optional[bool] = ...) -> None: ...
