"""One experiment and its life: DRAFT, RUNNING, CONCLUDING, CONCLUDED or STOPPED.

Every function takes an experiment and returns the next one; the store counts
the revision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from algolink import split
from algolink.errors import Aborted, FailedPrecondition, InvalidArgument
from algolink.names import ExperimentName, ModelName, shown
from experiment_svc.domain import design, policies
from experiment_svc.domain.design import Analysis, Arm, Rule, UnitKind
from experiment_svc.domain.metrics import Measure, Role
from experiment_svc.domain.policies import Policy


class State(StrEnum):
    """Where an experiment stands."""

    DRAFT = "DRAFT"
    RUNNING = "RUNNING"
    CONCLUDING = "CONCLUDING"
    CONCLUDED = "CONCLUDED"
    STOPPED = "STOPPED"


_NEXT: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.RUNNING, State.STOPPED}),
    State.RUNNING: frozenset({State.CONCLUDING, State.STOPPED}),
    State.CONCLUDING: frozenset({State.CONCLUDED, State.STOPPED}),
    State.CONCLUDED: frozenset(),
    State.STOPPED: frozenset(),
}

ROUTED = frozenset({State.RUNNING, State.CONCLUDING})
"""States in which the experiment's table routes its model; one per model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of time with one allocation.

    Attributes:
        number: from 1, in order.
        start: when it began; UTC.
        end: when it ended; UTC, None for the open one.
        weights_bp: share of each arm, arms without any included.
    """

    number: int
    start: datetime
    end: datetime | None
    weights_bp: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was concluded, and on what.

    Attributes:
        winner: id of the winning arm.
        version: number of the winning version.
        summary: one sentence for people.
        forced: whether a person overrode the rule.
        evidence: the results that it rests on, in canonical JSON; empty where
            it was not asked for.
        digest: SHA-256 of the evidence, 64 lower-case hex digits.
        time: when it was given; UTC.
    """

    winner: str
    version: int
    summary: str
    forced: bool
    evidence: str
    digest: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """That the registry does not make the winner champion.

    Attributes:
        reason: of the registry's answer, UPPER_SNAKE.
        message: for people.
        since: when it was first refused; UTC.
    """

    reason: str
    message: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A question about versions of one model, answered on live traffic.

    Attributes:
        arms: the first is the control.
        measures: at most one is primary; without one, guardrails watch alone.
        salt: of the bucket function.
        table: arm of every bucket; None before the start.
        phases: the last one is open while the experiment is routed.
        promoted_model_revision: revision of the model from which the promotion
            is in force; 0 before CONCLUDED.
        refusal: why the winner is not champion, if the registry refuses it.
        policy: what is done without being asked; None for what the rule says.
        step: steps of the policy that are done.
        awaiting: what waits for a person; empty if nothing does.
        approved: what a person has approved; empty if nothing is.
        allow_incompatible: whether arms may lack what the control's callers rely on.
        start_time: when it was started; UTC.
        end_time: when it was stopped or concluded; UTC.
        revision: counts writes from 1; 0 before the first.
    """

    name: ExperimentName
    model: ModelName
    arms: tuple[Arm, ...]
    unit: UnitKind
    measures: tuple[Measure, ...]
    analysis: Analysis
    rule: Rule | None
    description: str
    salt: str
    create_time: datetime
    state: State = State.DRAFT
    table: split.Table | None = None
    phases: tuple[Phase, ...] = ()
    verdict: Verdict | None = None
    promoted_model_revision: int = 0
    refusal: Refusal | None = None
    policy: Policy | None = None
    step: int = 0
    awaiting: str = ""
    approved: str = ""
    allow_incompatible: bool = False
    start_time: datetime | None = None
    end_time: datetime | None = None
    revision: int = 0

    @property
    def control(self) -> Arm:
        """The arm that the others are compared with."""
        return self.arms[0]

    @property
    def primary(self) -> Measure | None:
        """What decides; None if guardrails watch alone."""
        return next((one for one in self.measures if one.role is Role.PRIMARY), None)

    @property
    def etag(self) -> str:
        """Changes with every write."""
        return f"r{self.revision}"

    def weights(self) -> dict[str, int]:
        """Present share of every arm in basis points, in the order of the arms."""
        if self.table is None:
            return {arm.id: arm.weight_bp for arm in self.arms}
        present = self.table.weights()
        return {arm.id: present.get(arm.id, 0) for arm in self.arms}

    def arm(self, arm_id: str) -> Arm:
        """The arm with that id.

        Raises:
            InvalidArgument: ARM_UNKNOWN.
        """
        for arm in self.arms:
            if arm.id == arm_id:
                return arm
        raise InvalidArgument(
            "ARM_UNKNOWN",
            f"{self.name} has no arm {shown(arm_id)}",
            name=self.name,
            arm=shown(arm_id),
        )


def draft(
    *,
    name: ExperimentName,
    model: ModelName,
    arms: Sequence[Arm],
    unit: UnitKind,
    measures: Sequence[Measure],
    analysis: Analysis,
    rule: Rule | None,
    description: str,
    suffix: str,
    at: datetime,
    allow_incompatible: bool = False,
    policy: Policy | None = None,
) -> Experiment:
    """A new experiment that routes nothing yet.

    Args:
        suffix: 8 random characters of `a-z0-9`, so that the salts of two
            experiments never agree by their names.
        at: now; UTC.

    Raises:
        InvalidArgument: ARMS_INVALID, METRICS_INVALID, RULE_INVALID, POLICY_UNFIT,
            WEIGHTS_INVALID or DESCRIPTION_INVALID.
    """
    design.check_arms(arms)
    design.check_metrics(measures)
    if rule is not None and rule.auto_conclude and not _has_primary(measures):
        raise InvalidArgument(
            "RULE_INVALID", "a rule that concludes needs a primary metric: guardrails cannot win"
        )
    if policy is not None:
        policies.check_fits(policy, arms, measures, rule)
    return Experiment(
        name=name,
        model=model,
        arms=tuple(arms),
        unit=unit,
        measures=tuple(measures),
        analysis=analysis,
        rule=rule,
        description=design.check_description(description),
        salt=f"{name.experiment}-{suffix}",
        create_time=at,
        allow_incompatible=allow_incompatible,
        policy=policy,
    )


def _has_primary(measures: Sequence[Measure]) -> bool:
    return any(measure.role is Role.PRIMARY for measure in measures)


def check_etag(experiment: Experiment, etag: str) -> None:
    """Refuses a write that was decided on another state.

    Raises:
        Aborted: ETAG_MISMATCH, if `etag` is not empty and not the present one.
    """
    if etag and etag != experiment.etag:
        raise Aborted(
            "ETAG_MISMATCH",
            f"{experiment.name} has changed: its etag is {experiment.etag}, not {shown(etag)}",
            name=experiment.name,
            etag=experiment.etag,
            requested=shown(etag),
        )


def start(experiment: Experiment, *, at: datetime) -> Experiment:
    """DRAFT to RUNNING, in phase 1; a running experiment stays as it is.

    Raises:
        FailedPrecondition: STATE_NOT_REACHABLE.
    """
    if experiment.state is State.RUNNING:
        return experiment
    check_reachable(experiment, State.RUNNING)
    weights = experiment.weights()
    return replace(
        experiment,
        state=State.RUNNING,
        table=split.allocate(weights),
        phases=(Phase(number=1, start=at, end=None, weights_bp=weights),),
        start_time=at,
    )


def ramp(experiment: Experiment, weights: Mapping[str, int], *, at: datetime) -> Experiment:
    """Changes the weights and begins a phase; the present weights change nothing.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.
        FailedPrecondition: EXPERIMENT_NOT_RUNNING or TABLE_TOO_FRAGMENTED.
    """
    ordered = design.ordered_weights(experiment.arms, weights)
    check_running(experiment)
    if ordered == experiment.weights():
        return experiment
    return _reallocated(experiment, ordered, at)


def stop(experiment: Experiment, *, at: datetime) -> Experiment:
    """Ends it without promoting anybody; a stopped experiment stays as it is.

    A verdict whose promotion was not made yet is kept, for the record.

    Raises:
        FailedPrecondition: STATE_NOT_REACHABLE.
    """
    if experiment.state is State.STOPPED:
        return experiment
    check_reachable(experiment, State.STOPPED)
    return replace(
        experiment, state=State.STOPPED, phases=_closed(experiment.phases, at), end_time=at
    )


def conclude(experiment: Experiment, verdict: Verdict, *, at: datetime) -> Experiment:
    """RUNNING to CONCLUDING: the winner gets all traffic in a phase of its own.

    Raises:
        InvalidArgument: ARM_UNKNOWN.
        FailedPrecondition: EXPERIMENT_NOT_RUNNING or TABLE_TOO_FRAGMENTED.
    """
    experiment.arm(verdict.winner)
    check_running(experiment)
    check_reachable(experiment, State.CONCLUDING)
    weights = {arm.id: 0 for arm in experiment.arms} | {verdict.winner: split.BUCKETS}
    won = replace(experiment, state=State.CONCLUDING, verdict=verdict)
    return won if weights == won.weights() else _reallocated(won, weights, at)


def has_verdict_for(experiment: Experiment, winner: str) -> bool:
    """Whether it is concluded already, with `winner` or, if that is empty, with any arm."""
    return experiment.verdict is not None and winner in ("", experiment.verdict.winner)


def promoted(experiment: Experiment, *, model_revision: int, at: datetime) -> Experiment:
    """CONCLUDING to CONCLUDED; a concluded experiment stays as it is.

    Args:
        model_revision: the model's, from which the promotion is in force.
        at: now; UTC.

    Raises:
        FailedPrecondition: STATE_NOT_REACHABLE.
    """
    if experiment.state is State.CONCLUDED:
        return experiment
    check_reachable(experiment, State.CONCLUDED)
    return replace(
        experiment,
        state=State.CONCLUDED,
        phases=_closed(experiment.phases, at),
        promoted_model_revision=model_revision,
        refusal=None,
        end_time=at,
    )


def _reallocated(experiment: Experiment, weights: Mapping[str, int], at: datetime) -> Experiment:
    if experiment.table is None:
        raise ValueError(f"{experiment.name} is {experiment.state} and has no table")
    # The clock may step back; phases do not.
    at = max(at, experiment.phases[-1].start)
    phase = Phase(number=len(experiment.phases) + 1, start=at, end=None, weights_bp=dict(weights))
    return replace(
        experiment,
        table=split.resize(experiment.table, weights),
        phases=(*_closed(experiment.phases, at), phase),
    )


def _closed(phases: tuple[Phase, ...], at: datetime) -> tuple[Phase, ...]:
    """`phases` with the open one ended, never before it began."""
    return tuple(
        replace(phase, end=max(at, phase.start)) if phase.end is None else phase for phase in phases
    )


def check_running(experiment: Experiment) -> None:
    """Raises FailedPrecondition EXPERIMENT_NOT_RUNNING in any other state."""
    if experiment.state is not State.RUNNING:
        raise FailedPrecondition(
            "EXPERIMENT_NOT_RUNNING",
            f"{experiment.name} is {experiment.state}, not {State.RUNNING}",
            name=experiment.name,
            state=experiment.state,
        )


def check_reachable(experiment: Experiment, to: State) -> None:
    if to not in _NEXT[experiment.state]:
        raise FailedPrecondition(
            "STATE_NOT_REACHABLE",
            f"{experiment.name} is {experiment.state} and cannot become {to}",
            name=experiment.name,
            state=experiment.state,
            requested=to,
        )
