"""Policies and decisions between the wire and the domain."""

from __future__ import annotations

from datetime import timedelta

from algolink.errors import InvalidArgument
from algolink.experiment.v1 import policies_pb2 as pb
from algolink.names import PolicyName
from experiment_svc import convert
from experiment_svc.domain import design
from experiment_svc.domain.decision_log import Decision
from experiment_svc.domain.policies import Action, Freeze, Guard, Policy, Promote, Step
from experiment_svc.policing import Replay

_PROMOTE = {
    pb.PROMOTE_WHEN_UNSPECIFIED: Promote.NEVER,
    pb.PROMOTE_WHEN_NEVER: Promote.NEVER,
    pb.PROMOTE_WHEN_SUPERIOR: Promote.SUPERIOR,
    pb.PROMOTE_WHEN_NON_INFERIOR: Promote.NON_INFERIOR,
}
_PROMOTE_BACK = {domain: wire for wire, domain in _PROMOTE.items()}
_GUARDS = {
    pb.GUARD_WHEN_UNSPECIFIED: Guard.CLEAR,
    pb.GUARD_WHEN_CLEAR: Guard.CLEAR,
    pb.GUARD_WHEN_UNBROKEN: Guard.UNBROKEN,
}
_GUARDS_BACK = {domain: wire for wire, domain in _GUARDS.items()}
_ACTIONS = {
    pb.DECISION_ACTION_RAMP: Action.RAMP,
    pb.DECISION_ACTION_ROLL_BACK: Action.ROLL_BACK,
    pb.DECISION_ACTION_STOP: Action.STOP,
    pb.DECISION_ACTION_PROMOTE: Action.PROMOTE,
}
_ACTIONS_BACK = {domain: wire for wire, domain in _ACTIONS.items()}

_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = timedelta(minutes=1)
_MAX_SPAN_MS = 10**12
"""Any span beyond is refused by the policy; beyond this it would not fit a timedelta."""


def policy_from_proto(policy_id: str, message: pb.PolicyVersion) -> Policy:
    """A policy, its version not known yet; what is 0 takes its default.

    Raises:
        InvalidArgument: POLICY_INVALID or DESCRIPTION_INVALID.
    """
    if message.promote not in _PROMOTE:
        raise _invalid("promote", message.promote)
    if message.guardrails not in _GUARDS:
        raise _invalid("guardrails", message.guardrails)
    for action in message.approvals:
        if action not in _ACTIONS:
            raise _invalid("approvals", action)
    default = Policy(name=policy_id)
    return Policy(
        name=policy_id,
        steps=tuple(
            Step(
                share_bp=step.share_bp,
                hold=_span("hold_ms", step.hold_ms),
                min_units=step.min_units_per_arm,
            )
            for step in message.steps
        ),
        promote=_PROMOTE[message.promote],
        guardrails=_GUARDS[message.guardrails],
        min_units=message.min_units_per_arm or default.min_units,
        futility=message.futility,
        max_duration=_span("max_duration_ms", message.max_duration_ms),
        approvals=tuple(sorted({_ACTIONS[action] for action in message.approvals})),
        freezes=tuple(
            Freeze(
                days=tuple(freeze.days),
                start=freeze.start_minute * _MINUTE,
                length=freeze.minutes * _MINUTE,
            )
            for freeze in message.freezes
        ),
        max_age=_span("max_age_ms", message.max_age_ms) or default.max_age,
        description=design.check_description(message.description),
    )


def policy_to_proto(policy: Policy) -> pb.PolicyVersion:
    """A stored policy, without the time."""
    return pb.PolicyVersion(
        name=str(PolicyName(policy.name, policy.version)),
        steps=[
            pb.PolicyStep(
                share_bp=step.share_bp,
                hold_ms=step.hold // _MILLISECOND,
                min_units_per_arm=step.min_units,
            )
            for step in policy.steps
        ],
        promote=_PROMOTE_BACK[policy.promote],
        guardrails=_GUARDS_BACK[policy.guardrails],
        min_units_per_arm=policy.min_units,
        futility=policy.futility,
        max_duration_ms=policy.max_duration // _MILLISECOND,
        approvals=[_ACTIONS_BACK[action] for action in policy.approvals],
        freezes=[
            pb.PolicyFreeze(
                days=freeze.days,
                start_minute=freeze.start // _MINUTE,
                minutes=freeze.length // _MINUTE,
            )
            for freeze in policy.freezes
        ],
        max_age_ms=policy.max_age // _MILLISECOND,
        description=policy.description,
    )


def decision_to_proto(decision: Decision) -> pb.Decision:
    """A decision, without its evidence."""
    return pb.Decision(
        experiment=str(decision.experiment),
        number=decision.number,
        time=convert.time_to_proto(decision.time),
        action=_ACTIONS_BACK[decision.action],
        waits=decision.waits,
        reason=decision.reason,
        winner=decision.winner,
        digest=decision.digest,
    )


def replay_to_proto(replay: Replay) -> pb.Replay:
    """A decision that was computed again."""
    return pb.Replay(
        decision=decision_to_proto(replay.decision),
        digest=replay.digest,
        same=replay.digest == replay.decision.digest,
        differences=replay.differences,
        evidence_json=replay.evidence,
    )


def _span(field: str, milliseconds: int) -> timedelta:
    if abs(milliseconds) > _MAX_SPAN_MS:
        raise _invalid(field, milliseconds)
    return milliseconds * _MILLISECOND


def _invalid(field: str, value: int) -> InvalidArgument:
    return InvalidArgument(
        "POLICY_INVALID", f"{field} is {value}: not allowed", field=field, value=value
    )
