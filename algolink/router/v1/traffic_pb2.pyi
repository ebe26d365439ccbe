import datetime

from algolink.router.v1 import router_pb2 as _router_pb2
from algolink.router.v1 import rules_pb2 as _rules_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShiftUnit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHIFT_UNIT_UNSPECIFIED: _ClassVar[ShiftUnit]
    SHIFT_UNIT_HEADER: _ClassVar[ShiftUnit]
    SHIFT_UNIT_REQUEST: _ClassVar[ShiftUnit]

class TrafficAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRAFFIC_ACTION_UNSPECIFIED: _ClassVar[TrafficAction]
    TRAFFIC_ACTION_SHIFT: _ClassVar[TrafficAction]
    TRAFFIC_ACTION_CLEAR: _ClassVar[TrafficAction]
    TRAFFIC_ACTION_KILL: _ClassVar[TrafficAction]
    TRAFFIC_ACTION_REVIVE: _ClassVar[TrafficAction]
    TRAFFIC_ACTION_FREEZE: _ClassVar[TrafficAction]
    TRAFFIC_ACTION_UNFREEZE: _ClassVar[TrafficAction]
    TRAFFIC_ACTION_SET_RULES: _ClassVar[TrafficAction]
    TRAFFIC_ACTION_CLEAR_RULES: _ClassVar[TrafficAction]
SHIFT_UNIT_UNSPECIFIED: ShiftUnit
SHIFT_UNIT_HEADER: ShiftUnit
SHIFT_UNIT_REQUEST: ShiftUnit
TRAFFIC_ACTION_UNSPECIFIED: TrafficAction
TRAFFIC_ACTION_SHIFT: TrafficAction
TRAFFIC_ACTION_CLEAR: TrafficAction
TRAFFIC_ACTION_KILL: TrafficAction
TRAFFIC_ACTION_REVIVE: TrafficAction
TRAFFIC_ACTION_FREEZE: TrafficAction
TRAFFIC_ACTION_UNFREEZE: TrafficAction
TRAFFIC_ACTION_SET_RULES: TrafficAction
TRAFFIC_ACTION_CLEAR_RULES: TrafficAction

class Traffic(_message.Message):
    __slots__ = ("model", "etag", "revision", "shift", "killed", "frozen", "update_time", "updated_by", "live", "pending", "rules")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SHIFT_FIELD_NUMBER: _ClassVar[int]
    KILLED_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATED_BY_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    model: str
    etag: str
    revision: int
    shift: Shift
    killed: _containers.RepeatedCompositeFieldContainer[KilledVersion]
    frozen: bool
    update_time: _timestamp_pb2.Timestamp
    updated_by: str
    live: bool
    pending: _containers.RepeatedScalarFieldContainer[str]
    rules: _rules_pb2.Rules
    def __init__(self, model: _Optional[str] = ..., etag: _Optional[str] = ..., revision: _Optional[int] = ..., shift: _Optional[_Union[Shift, _Mapping]] = ..., killed: _Optional[_Iterable[_Union[KilledVersion, _Mapping]]] = ..., frozen: _Optional[bool] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_by: _Optional[str] = ..., live: _Optional[bool] = ..., pending: _Optional[_Iterable[str]] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ...) -> None: ...

class Shift(_message.Message):
    __slots__ = ("weights_bp", "unit", "salt", "segments", "revision")
    class WeightsBpEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    WEIGHTS_BP_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    weights_bp: _containers.ScalarMap[int, int]
    unit: ShiftUnit
    salt: str
    segments: _containers.RepeatedCompositeFieldContainer[_router_pb2.SplitSegment]
    revision: int
    def __init__(self, weights_bp: _Optional[_Mapping[int, int]] = ..., unit: _Optional[_Union[ShiftUnit, str]] = ..., salt: _Optional[str] = ..., segments: _Optional[_Iterable[_Union[_router_pb2.SplitSegment, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class KilledVersion(_message.Message):
    __slots__ = ("version", "replacement")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENT_FIELD_NUMBER: _ClassVar[int]
    version: int
    replacement: int
    def __init__(self, version: _Optional[int] = ..., replacement: _Optional[int] = ...) -> None: ...

class GetTrafficRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class ShiftTrafficRequest(_message.Message):
    __slots__ = ("model", "weights_bp", "unit", "etag", "reason")
    class WeightsBpEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_BP_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    weights_bp: _containers.ScalarMap[int, int]
    unit: ShiftUnit
    etag: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., weights_bp: _Optional[_Mapping[int, int]] = ..., unit: _Optional[_Union[ShiftUnit, str]] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ClearShiftRequest(_message.Message):
    __slots__ = ("model", "etag", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    etag: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SetRulesRequest(_message.Message):
    __slots__ = ("model", "rules", "etag", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    rules: _rules_pb2.Rules
    etag: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., rules: _Optional[_Union[_rules_pb2.Rules, _Mapping]] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ClearRulesRequest(_message.Message):
    __slots__ = ("model", "etag", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    etag: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class KillVersionRequest(_message.Message):
    __slots__ = ("model", "version", "replacement", "etag", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENT_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: int
    replacement: int
    etag: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., replacement: _Optional[int] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ReviveVersionRequest(_message.Message):
    __slots__ = ("model", "version", "etag", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: int
    etag: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class FreezeTrafficRequest(_message.Message):
    __slots__ = ("model", "etag", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    etag: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class UnfreezeTrafficRequest(_message.Message):
    __slots__ = ("model", "etag", "reason")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    model: str
    etag: str
    reason: str
    def __init__(self, model: _Optional[str] = ..., etag: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListTrafficHistoryRequest(_message.Message):
    __slots__ = ("model", "limit")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    model: str
    limit: int
    def __init__(self, model: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListTrafficHistoryResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[TrafficEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[TrafficEvent, _Mapping]]] = ...) -> None: ...

class TrafficEvent(_message.Message):
    __slots__ = ("time", "decision", "route", "route_gone")
    TIME_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    ROUTE_GONE_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    decision: TrafficDecision
    route: _router_pb2.Route
    route_gone: bool
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decision: _Optional[_Union[TrafficDecision, _Mapping]] = ..., route: _Optional[_Union[_router_pb2.Route, _Mapping]] = ..., route_gone: _Optional[bool] = ...) -> None: ...

class TrafficDecision(_message.Message):
    __slots__ = ("action", "version", "caller", "reason", "traffic")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_FIELD_NUMBER: _ClassVar[int]
    action: TrafficAction
    version: int
    caller: str
    reason: str
    traffic: Traffic
    def __init__(self, action: _Optional[_Union[TrafficAction, str]] = ..., version: _Optional[int] = ..., caller: _Optional[str] = ..., reason: _Optional[str] = ..., traffic: _Optional[_Union[Traffic, _Mapping]] = ...) -> None: ...
