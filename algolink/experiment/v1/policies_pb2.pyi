import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PromoteWhen(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROMOTE_WHEN_UNSPECIFIED: _ClassVar[PromoteWhen]
    PROMOTE_WHEN_NEVER: _ClassVar[PromoteWhen]
    PROMOTE_WHEN_SUPERIOR: _ClassVar[PromoteWhen]
    PROMOTE_WHEN_NON_INFERIOR: _ClassVar[PromoteWhen]

class GuardWhen(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GUARD_WHEN_UNSPECIFIED: _ClassVar[GuardWhen]
    GUARD_WHEN_CLEAR: _ClassVar[GuardWhen]
    GUARD_WHEN_UNBROKEN: _ClassVar[GuardWhen]

class DecisionAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_ACTION_UNSPECIFIED: _ClassVar[DecisionAction]
    DECISION_ACTION_RAMP: _ClassVar[DecisionAction]
    DECISION_ACTION_ROLL_BACK: _ClassVar[DecisionAction]
    DECISION_ACTION_STOP: _ClassVar[DecisionAction]
    DECISION_ACTION_PROMOTE: _ClassVar[DecisionAction]
PROMOTE_WHEN_UNSPECIFIED: PromoteWhen
PROMOTE_WHEN_NEVER: PromoteWhen
PROMOTE_WHEN_SUPERIOR: PromoteWhen
PROMOTE_WHEN_NON_INFERIOR: PromoteWhen
GUARD_WHEN_UNSPECIFIED: GuardWhen
GUARD_WHEN_CLEAR: GuardWhen
GUARD_WHEN_UNBROKEN: GuardWhen
DECISION_ACTION_UNSPECIFIED: DecisionAction
DECISION_ACTION_RAMP: DecisionAction
DECISION_ACTION_ROLL_BACK: DecisionAction
DECISION_ACTION_STOP: DecisionAction
DECISION_ACTION_PROMOTE: DecisionAction

class PolicyVersion(_message.Message):
    __slots__ = ("name", "steps", "promote", "guardrails", "min_units_per_arm", "futility", "max_duration_ms", "approvals", "freezes", "max_age_ms", "description", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    PROMOTE_FIELD_NUMBER: _ClassVar[int]
    GUARDRAILS_FIELD_NUMBER: _ClassVar[int]
    MIN_UNITS_PER_ARM_FIELD_NUMBER: _ClassVar[int]
    FUTILITY_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    FREEZES_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    steps: _containers.RepeatedCompositeFieldContainer[PolicyStep]
    promote: PromoteWhen
    guardrails: GuardWhen
    min_units_per_arm: int
    futility: bool
    max_duration_ms: int
    approvals: _containers.RepeatedScalarFieldContainer[DecisionAction]
    freezes: _containers.RepeatedCompositeFieldContainer[PolicyFreeze]
    max_age_ms: int
    description: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[PolicyStep, _Mapping]]] = ..., promote: _Optional[_Union[PromoteWhen, str]] = ..., guardrails: _Optional[_Union[GuardWhen, str]] = ..., min_units_per_arm: _Optional[int] = ..., futility: _Optional[bool] = ..., max_duration_ms: _Optional[int] = ..., approvals: _Optional[_Iterable[_Union[DecisionAction, str]]] = ..., freezes: _Optional[_Iterable[_Union[PolicyFreeze, _Mapping]]] = ..., max_age_ms: _Optional[int] = ..., description: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PolicyStep(_message.Message):
    __slots__ = ("share_bp", "hold_ms", "min_units_per_arm")
    SHARE_BP_FIELD_NUMBER: _ClassVar[int]
    HOLD_MS_FIELD_NUMBER: _ClassVar[int]
    MIN_UNITS_PER_ARM_FIELD_NUMBER: _ClassVar[int]
    share_bp: int
    hold_ms: int
    min_units_per_arm: int
    def __init__(self, share_bp: _Optional[int] = ..., hold_ms: _Optional[int] = ..., min_units_per_arm: _Optional[int] = ...) -> None: ...

class PolicyFreeze(_message.Message):
    __slots__ = ("days", "start_minute", "minutes")
    DAYS_FIELD_NUMBER: _ClassVar[int]
    START_MINUTE_FIELD_NUMBER: _ClassVar[int]
    MINUTES_FIELD_NUMBER: _ClassVar[int]
    days: _containers.RepeatedScalarFieldContainer[int]
    start_minute: int
    minutes: int
    def __init__(self, days: _Optional[_Iterable[int]] = ..., start_minute: _Optional[int] = ..., minutes: _Optional[int] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("experiment", "number", "time", "action", "waits", "reason", "winner", "digest")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    WAITS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WINNER_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    number: int
    time: _timestamp_pb2.Timestamp
    action: DecisionAction
    waits: bool
    reason: str
    winner: str
    digest: str
    def __init__(self, experiment: _Optional[str] = ..., number: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., action: _Optional[_Union[DecisionAction, str]] = ..., waits: _Optional[bool] = ..., reason: _Optional[str] = ..., winner: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class Replay(_message.Message):
    __slots__ = ("decision", "digest", "same", "differences", "evidence_json")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SAME_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_JSON_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    digest: str
    same: bool
    differences: _containers.RepeatedScalarFieldContainer[str]
    evidence_json: str
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ..., digest: _Optional[str] = ..., same: _Optional[bool] = ..., differences: _Optional[_Iterable[str]] = ..., evidence_json: _Optional[str] = ...) -> None: ...

class CreatePolicyRequest(_message.Message):
    __slots__ = ("policy_id", "policy")
    POLICY_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy_id: str
    policy: PolicyVersion
    def __init__(self, policy_id: _Optional[str] = ..., policy: _Optional[_Union[PolicyVersion, _Mapping]] = ...) -> None: ...

class GetPolicyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListPoliciesRequest(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: str
    def __init__(self, policy: _Optional[str] = ...) -> None: ...

class ListPoliciesResponse(_message.Message):
    __slots__ = ("policies",)
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[PolicyVersion]
    def __init__(self, policies: _Optional[_Iterable[_Union[PolicyVersion, _Mapping]]] = ...) -> None: ...

class ListDecisionsRequest(_message.Message):
    __slots__ = ("experiment", "after")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    after: int
    def __init__(self, experiment: _Optional[str] = ..., after: _Optional[int] = ...) -> None: ...

class ListDecisionsResponse(_message.Message):
    __slots__ = ("decisions",)
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    decisions: _containers.RepeatedCompositeFieldContainer[Decision]
    def __init__(self, decisions: _Optional[_Iterable[_Union[Decision, _Mapping]]] = ...) -> None: ...

class ReplayDecisionRequest(_message.Message):
    __slots__ = ("experiment", "number")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    number: int
    def __init__(self, experiment: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class ApproveDecisionRequest(_message.Message):
    __slots__ = ("experiment", "what")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    what: str
    def __init__(self, experiment: _Optional[str] = ..., what: _Optional[str] = ...) -> None: ...

class ApproveDecisionResponse(_message.Message):
    __slots__ = ("approved",)
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    approved: str
    def __init__(self, approved: _Optional[str] = ...) -> None: ...
