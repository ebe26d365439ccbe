from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RetryCondition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RETRY_CONDITION_UNSPECIFIED: _ClassVar[RetryCondition]
    RETRY_CONDITION_CONNECT_FAILURE: _ClassVar[RetryCondition]
    RETRY_CONDITION_REFUSED_STREAM: _ClassVar[RetryCondition]
    RETRY_CONDITION_RESET: _ClassVar[RetryCondition]
    RETRY_CONDITION_UNAVAILABLE: _ClassVar[RetryCondition]
    RETRY_CONDITION_INTERNAL: _ClassVar[RetryCondition]
    RETRY_CONDITION_RESOURCE_EXHAUSTED: _ClassVar[RetryCondition]
    RETRY_CONDITION_DEADLINE_EXCEEDED: _ClassVar[RetryCondition]
RETRY_CONDITION_UNSPECIFIED: RetryCondition
RETRY_CONDITION_CONNECT_FAILURE: RetryCondition
RETRY_CONDITION_REFUSED_STREAM: RetryCondition
RETRY_CONDITION_RESET: RetryCondition
RETRY_CONDITION_UNAVAILABLE: RetryCondition
RETRY_CONDITION_INTERNAL: RetryCondition
RETRY_CONDITION_RESOURCE_EXHAUSTED: RetryCondition
RETRY_CONDITION_DEADLINE_EXCEEDED: RetryCondition

class Rules(_message.Message):
    __slots__ = ("overrides", "audiences", "holdout", "shadow", "fallback", "timeouts", "retries", "limits", "revision")
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    AUDIENCES_FIELD_NUMBER: _ClassVar[int]
    HOLDOUT_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    overrides: _containers.RepeatedCompositeFieldContainer[Override]
    audiences: _containers.RepeatedCompositeFieldContainer[Audience]
    holdout: Holdout
    shadow: Shadow
    fallback: Fallback
    timeouts: Timeouts
    retries: Retries
    limits: Limits
    revision: int
    def __init__(self, overrides: _Optional[_Iterable[_Union[Override, _Mapping]]] = ..., audiences: _Optional[_Iterable[_Union[Audience, _Mapping]]] = ..., holdout: _Optional[_Union[Holdout, _Mapping]] = ..., shadow: _Optional[_Union[Shadow, _Mapping]] = ..., fallback: _Optional[_Union[Fallback, _Mapping]] = ..., timeouts: _Optional[_Union[Timeouts, _Mapping]] = ..., retries: _Optional[_Union[Retries, _Mapping]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class Override(_message.Message):
    __slots__ = ("unit", "version")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    unit: str
    version: int
    def __init__(self, unit: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class Audience(_message.Message):
    __slots__ = ("name", "conditions", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    version: int
    def __init__(self, name: _Optional[str] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., version: _Optional[int] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("attribute", "equals", "any_of", "prefix", "regex", "range", "negated")
    ATTRIBUTE_FIELD_NUMBER: _ClassVar[int]
    EQUALS_FIELD_NUMBER: _ClassVar[int]
    ANY_OF_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    REGEX_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    NEGATED_FIELD_NUMBER: _ClassVar[int]
    attribute: str
    equals: str
    any_of: Choices
    prefix: str
    regex: str
    range: IntegerRange
    negated: bool
    def __init__(self, attribute: _Optional[str] = ..., equals: _Optional[str] = ..., any_of: _Optional[_Union[Choices, _Mapping]] = ..., prefix: _Optional[str] = ..., regex: _Optional[str] = ..., range: _Optional[_Union[IntegerRange, _Mapping]] = ..., negated: _Optional[bool] = ...) -> None: ...

class Choices(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class IntegerRange(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...

class Holdout(_message.Message):
    __slots__ = ("share_bp", "layer")
    SHARE_BP_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    share_bp: int
    layer: str
    def __init__(self, share_bp: _Optional[int] = ..., layer: _Optional[str] = ...) -> None: ...

class Shadow(_message.Message):
    __slots__ = ("version", "share_bp")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHARE_BP_FIELD_NUMBER: _ClassVar[int]
    version: int
    share_bp: int
    def __init__(self, version: _Optional[int] = ..., share_bp: _Optional[int] = ...) -> None: ...

class Fallback(_message.Message):
    __slots__ = ("none", "version")
    NONE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    none: bool
    version: int
    def __init__(self, none: _Optional[bool] = ..., version: _Optional[int] = ...) -> None: ...

class Timeouts(_message.Message):
    __slots__ = ("request_ms", "attempt_ms")
    REQUEST_MS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_MS_FIELD_NUMBER: _ClassVar[int]
    request_ms: int
    attempt_ms: int
    def __init__(self, request_ms: _Optional[int] = ..., attempt_ms: _Optional[int] = ...) -> None: ...

class Retries(_message.Message):
    __slots__ = ("number", "on", "backoff_ms", "max_backoff_ms")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_BACKOFF_MS_FIELD_NUMBER: _ClassVar[int]
    number: int
    on: _containers.RepeatedScalarFieldContainer[RetryCondition]
    backoff_ms: int
    max_backoff_ms: int
    def __init__(self, number: _Optional[int] = ..., on: _Optional[_Iterable[_Union[RetryCondition, str]]] = ..., backoff_ms: _Optional[int] = ..., max_backoff_ms: _Optional[int] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("requests", "pending")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    requests: int
    pending: int
    def __init__(self, requests: _Optional[int] = ..., pending: _Optional[int] = ...) -> None: ...
