import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetFleetRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Fleet(_message.Message):
    __slots__ = ("answered_by", "table", "routers", "envoys")
    ANSWERED_BY_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    ROUTERS_FIELD_NUMBER: _ClassVar[int]
    ENVOYS_FIELD_NUMBER: _ClassVar[int]
    answered_by: str
    table: int
    routers: _containers.RepeatedCompositeFieldContainer[RouterReplica]
    envoys: _containers.RepeatedCompositeFieldContainer[RegisteredEnvoy]
    def __init__(self, answered_by: _Optional[str] = ..., table: _Optional[int] = ..., routers: _Optional[_Iterable[_Union[RouterReplica, _Mapping]]] = ..., envoys: _Optional[_Iterable[_Union[RegisteredEnvoy, _Mapping]]] = ...) -> None: ...

class RouterReplica(_message.Message):
    __slots__ = ("id", "alive", "composing")
    ID_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    COMPOSING_FIELD_NUMBER: _ClassVar[int]
    id: str
    alive: bool
    composing: bool
    def __init__(self, id: _Optional[str] = ..., alive: _Optional[bool] = ..., composing: _Optional[bool] = ...) -> None: ...

class RegisteredEnvoy(_message.Message):
    __slots__ = ("id", "router", "acknowledged_table", "seen_time", "rejection", "refused_models")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROUTER_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_TABLE_FIELD_NUMBER: _ClassVar[int]
    SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    REFUSED_MODELS_FIELD_NUMBER: _ClassVar[int]
    id: str
    router: str
    acknowledged_table: int
    seen_time: _timestamp_pb2.Timestamp
    rejection: str
    refused_models: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., router: _Optional[str] = ..., acknowledged_table: _Optional[int] = ..., seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rejection: _Optional[str] = ..., refused_models: _Optional[_Iterable[str]] = ...) -> None: ...

class RemoveEnvoyRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RemoveEnvoyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
