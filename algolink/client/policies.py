"""Policies, what they decide and what is planned, and the calls of their services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from algolink.client.calls import Call
from algolink.client.experiments import experiment_name
from algolink.errors import InvalidArgument
from algolink.experiment.v1 import experiment_pb2, plans_pb2
from algolink.experiment.v1 import policies_pb2 as pb
from algolink.names import PolicyName, check_policy_id, shown

Choice = TypeVar("Choice")

_POLICIES = "/algolink.experiment.v1.PolicyService"
_DECISIONS = "/algolink.experiment.v1.DecisionService"
_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = timedelta(minutes=1)

PROMOTE: dict[str, pb.PromoteWhen] = {
    "never": pb.PROMOTE_WHEN_NEVER,
    "superior": pb.PROMOTE_WHEN_SUPERIOR,
    "non-inferior": pb.PROMOTE_WHEN_NON_INFERIOR,
}
GUARDRAILS: dict[str, pb.GuardWhen] = {
    "clear": pb.GUARD_WHEN_CLEAR,
    "unbroken": pb.GUARD_WHEN_UNBROKEN,
}
APPROVALS: dict[str, pb.DecisionAction] = {
    "ramp": pb.DECISION_ACTION_RAMP,
    "promote": pb.DECISION_ACTION_PROMOTE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next share of all arms but the control, and what it waits for.

    Attributes:
        share_bp: of all of them together, in basis points.
        hold: time that the allocation before it must have lasted.
        min_units_per_arm: new units that each arm must have in that allocation.
    """

    share_bp: int
    hold: timedelta = timedelta()
    min_units_per_arm: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A stretch of the week, UTC, in which nothing is done but rolling back.

    Attributes:
        days: on which it begins, 0 is Monday.
        start: after midnight.
        length: up to a day.
    """

    days: tuple[int, ...]
    start: timedelta
    length: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is done without being asked; see the guide on policies.

    Attributes:
        promote: `superior`, `non-inferior` or `never`.
        guardrails: `clear` or `unbroken`, before anybody is promoted.
        min_units_per_arm: before anybody wins or loses; 0 takes the service's default.
        futility: stop once no arm can be better by the metric's minimum effect.
        max_duration: then it stops; zero for no end.
        approvals: what waits for a person: `ramp`, `promote`.
        max_age: of the newest unit; zero takes the service's default.
    """

    steps: tuple[Step, ...] = ()
    promote: str = "never"
    guardrails: str = "clear"
    min_units_per_arm: int = 0
    futility: bool = False
    max_duration: timedelta = timedelta()
    approvals: tuple[str, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    max_age: timedelta = timedelta()
    description: str = ""


def policy_name(policy: str) -> PolicyName:
    """Reads `careful`, `careful@2` or a whole name.

    Raises:
        InvalidArgument: POLICY_NAME_INVALID or POLICY_INVALID.

    >>> str(policy_name("careful@2"))
    'policies/careful/versions/2'
    """
    if policy.startswith("policies/"):
        return PolicyName.parse(policy)
    name, at, version = policy.partition("@")
    return PolicyName.parse(f"policies/{name}" + (f"/versions/{version}" if at else ""))


def create(policy: str, definition: Policy) -> Call[pb.PolicyVersion]:
    wanted = pb.PolicyVersion(
        steps=[
            pb.PolicyStep(
                share_bp=step.share_bp,
                hold_ms=step.hold // _MILLISECOND,
                min_units_per_arm=step.min_units_per_arm,
            )
            for step in definition.steps
        ],
        promote=_choice(PROMOTE, definition.promote, "promote"),
        guardrails=_choice(GUARDRAILS, definition.guardrails, "guardrails"),
        min_units_per_arm=definition.min_units_per_arm,
        futility=definition.futility,
        max_duration_ms=definition.max_duration // _MILLISECOND,
        approvals=[_choice(APPROVALS, what, "approvals") for what in definition.approvals],
        freezes=[
            pb.PolicyFreeze(
                days=freeze.days,
                start_minute=freeze.start // _MINUTE,
                minutes=freeze.length // _MINUTE,
            )
            for freeze in definition.freezes
        ],
        max_age_ms=definition.max_age // _MILLISECOND,
        description=definition.description,
    )
    return Call(
        path=f"{_POLICIES}/CreatePolicy",
        request=pb.CreatePolicyRequest(policy_id=check_policy_id(policy), policy=wanted),
        reply=pb.PolicyVersion,
    )


def get(policy: str) -> Call[pb.PolicyVersion]:
    return Call(
        path=f"{_POLICIES}/GetPolicy",
        request=pb.GetPolicyRequest(name=str(policy_name(policy))),
        reply=pb.PolicyVersion,
    )


def list_all(policy: str | None) -> Call[pb.ListPoliciesResponse]:
    of = "" if policy is None else str(PolicyName(policy_name(policy).policy))
    return Call(
        path=f"{_POLICIES}/ListPolicies",
        request=pb.ListPoliciesRequest(policy=of),
        reply=pb.ListPoliciesResponse,
    )


def decisions(experiment: str, *, after: int) -> Call[pb.ListDecisionsResponse]:
    return Call(
        path=f"{_DECISIONS}/ListDecisions",
        request=pb.ListDecisionsRequest(experiment=experiment_name(experiment), after=after),
        reply=pb.ListDecisionsResponse,
    )


def replay(experiment: str, number: int) -> Call[pb.Replay]:
    return Call(
        path=f"{_DECISIONS}/ReplayDecision",
        request=pb.ReplayDecisionRequest(experiment=experiment_name(experiment), number=number),
        reply=pb.Replay,
    )


def approve(experiment: str, what: str) -> Call[pb.ApproveDecisionResponse]:
    return Call(
        path=f"{_DECISIONS}/ApproveDecision",
        request=pb.ApproveDecisionRequest(experiment=experiment_name(experiment), what=what),
        reply=pb.ApproveDecisionResponse,
        # Without saying what, something else could wait the second time.
        idempotent=bool(what),
    )


def plan(
    asked: experiment_pb2.Experiment, *, power: float, deviation: float, units_per_day: float
) -> Call[plans_pb2.Plan]:
    return Call(
        path="/algolink.experiment.v1.PlanService/PlanExperiment",
        request=plans_pb2.PlanExperimentRequest(
            experiment=asked, power=power, deviation=deviation, units_per_day=units_per_day
        ),
        reply=plans_pb2.Plan,
    )


def _choice(table: Mapping[str, Choice], value: str, what: str) -> Choice:
    if value not in table:
        raise InvalidArgument(
            "POLICY_INVALID",
            f"{what} {shown(value)} is not one of {', '.join(table)}",
            value=shown(value),
        )
    return table[value]
