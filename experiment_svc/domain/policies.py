"""Policies: what is done without being asked, and what it waits for.

A policy never changes: another one is another version, and an experiment keeps
the one that it was made with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from algolink import names
from algolink.errors import InvalidArgument
from algolink.split import BUCKETS
from experiment_svc.domain.design import Arm, Rule
from experiment_svc.domain.metrics import Measure, Role

MAX_STEPS = 20
MAX_FREEZES = 20
DAY = timedelta(days=1)
MAX_SPAN = timedelta(days=365)


class Promote(StrEnum):
    """When an arm is promoted."""

    NEVER = "never"
    SUPERIOR = "superior"
    NON_INFERIOR = "non-inferior"


class Guard(StrEnum):
    """What guardrails must show before an arm is promoted."""

    CLEAR = "clear"
    UNBROKEN = "unbroken"


class Action(StrEnum):
    """What a policy does."""

    HOLD = "hold"
    RAMP = "ramp"
    ROLL_BACK = "roll-back"
    STOP = "stop"
    PROMOTE = "promote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next share of the arms that are not the control, and what it waits for.

    Attributes:
        share_bp: of all of them together, in the proportion that they start with.
        hold: time that the allocation before it must have lasted.
        min_units: new units that each of the arms must have in that allocation.
    """

    share_bp: int
    hold: timedelta = timedelta()
    min_units: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A stretch of the week in which nothing is done but rolling back; UTC.

    Attributes:
        days: on which it begins, 0 is Monday.
        start: after midnight.
        length: up to a day; may reach into the next day.
    """

    days: tuple[int, ...]
    start: timedelta
    length: timedelta

    def covers(self, at: datetime) -> bool:
        """Whether `at` lies in it."""
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return any(
            day.weekday() in self.days and day + self.start <= at < day + self.start + self.length
            for day in (midnight, midnight - DAY)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is done without being asked.

    Attributes:
        version: from 1; 0 before it is stored.
        steps: shares after the one that the experiment starts with, growing.
        min_units: with a value of the primary metric, that each arm needs before
            anybody wins or loses on it.
        futility: whether to stop once no arm can be better by the primary metric's
            minimum effect.
        max_duration: from the start; then it stops. Zero for none.
        approvals: actions that wait for a person.
        max_age: of the newest unit; with older facts nothing is done but rolling back.
    """

    name: str
    version: int = 0
    steps: tuple[Step, ...] = ()
    promote: Promote = Promote.NEVER
    guardrails: Guard = Guard.CLEAR
    min_units: int = 100
    futility: bool = False
    max_duration: timedelta = timedelta()
    approvals: tuple[Action, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    max_age: timedelta = timedelta(minutes=10)
    description: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        names.check_policy_id(self.name)
        self._check_steps()
        if self.min_units < 2:
            raise _invalid("min_units", self.min_units, "it must be at least 2")
        if not timedelta() <= self.max_duration <= MAX_SPAN:
            raise _invalid("max_duration", self.max_duration, "it must be 0 to 365 days")
        if not timedelta() < self.max_age <= MAX_SPAN:
            raise _invalid("max_age", self.max_age, "it must be over 0, to 365 days")
        holds = sum((step.hold for step in self.steps), timedelta())
        if self.max_duration and holds >= self.max_duration:
            raise _invalid(
                "max_duration", self.max_duration, f"the steps alone hold for {holds}: never done"
            )
        for action in self.approvals:
            if action not in (Action.RAMP, Action.PROMOTE):
                raise _invalid("approvals", action, "only ramp and promote wait for a person")
        if self.promote is Promote.NEVER and Action.PROMOTE in self.approvals:
            raise _invalid("approvals", Action.PROMOTE, "nothing is ever promoted")
        if not self.steps and Action.RAMP in self.approvals:
            raise _invalid("approvals", Action.RAMP, "there are no steps")
        self._check_freezes()

    @property
    def label(self) -> str:
        """The name with the version."""
        return f"{self.name}@{self.version}" if self.version else self.name

    def frozen(self, at: datetime) -> bool:
        """Whether `at` lies in a freeze."""
        return any(freeze.covers(at) for freeze in self.freezes)

    def _check_steps(self) -> None:
        if len(self.steps) > MAX_STEPS:
            raise _invalid("steps", len(self.steps), f"at most {MAX_STEPS}")
        before = 0
        for step in self.steps:
            if not before < step.share_bp <= BUCKETS:
                raise _invalid(
                    "steps", step.share_bp, f"shares must grow, over {before} to {BUCKETS} bp"
                )
            if not timedelta() <= step.hold <= MAX_SPAN or step.min_units < 0:
                raise _invalid("steps", step.hold, "hold and min_units must not be negative")
            before = step.share_bp

    def _check_freezes(self) -> None:
        if len(self.freezes) > MAX_FREEZES:
            raise _invalid("freezes", len(self.freezes), f"at most {MAX_FREEZES}")
        for freeze in self.freezes:
            if not freeze.days or not set(freeze.days) <= set(range(7)):
                raise _invalid("freezes", str(freeze.days), "days are 0 (Monday) to 6")
            if not timedelta() <= freeze.start < DAY or not timedelta() < freeze.length <= DAY:
                raise _invalid("freezes", freeze.length, "it lasts over 0, to 24 hours")
        week = [datetime(2024, 1, 1) + minute * _MINUTE for minute in range(7 * 24 * 60)]  # noqa: DTZ001  a week as such
        if self.freezes and all(self.frozen(minute) for minute in week):
            raise _invalid("freezes", len(self.freezes), "they cover the whole week: never done")


_MINUTE = timedelta(minutes=1)


def check_fits(
    policy: Policy, arms: Sequence[Arm], measures: Sequence[Measure], rule: Rule | None
) -> None:
    """Checks a policy against the experiment that names it.

    Raises:
        InvalidArgument: POLICY_UNFIT.
    """
    if rule is not None and rule.auto_conclude:
        raise _unfit(policy, "the rule concludes too: give one of the two")
    primary = next((one for one in measures if one.role is Role.PRIMARY), None)
    guarded = any(one.role is Role.GUARDRAIL for one in measures)
    if primary is None and (policy.promote is not Promote.NEVER or policy.futility):
        raise _unfit(policy, "there is no primary metric to win or to lose on")
    if policy.promote is Promote.NON_INFERIOR and not (primary and primary.margin):
        raise _unfit(policy, "non-inferior needs a margin of the primary metric")
    if policy.futility and not (primary and primary.metric.minimum_effect):
        raise _unfit(policy, "futility needs a minimum_effect of the primary metric")
    if primary is None and not guarded:
        raise _unfit(policy, "there is nothing that it could act on")
    share = BUCKETS - arms[0].weight_bp
    if policy.steps and policy.steps[0].share_bp <= share:
        raise _unfit(
            policy,
            f"its first step is to {policy.steps[0].share_bp} bp, the experiment starts with "
            f"{share} bp",
        )


def weights_at(arms: Sequence[Arm], share_bp: int) -> dict[str, int]:
    """Weights where all arms but the control have `share_bp` together.

    They keep the proportion that they start with; what does not divide goes to the
    first of them.
    """
    started = {arm.id: arm.weight_bp for arm in arms[1:]}
    total = sum(started.values())
    shares = {arm: share_bp * weight // total for arm, weight in started.items()}
    shares[arms[1].id] += share_bp - sum(shares.values())
    return {arms[0].id: BUCKETS - share_bp} | shares


def approval_key(action: Action, weights: Mapping[str, int], winner: str) -> str:
    """What a person approves: `promote challenger`, `ramp champion=8000 challenger=2000`."""
    what = winner or " ".join(f"{arm}={weight}" for arm, weight in weights.items())
    return f"{action} {what}".strip()


def _unfit(policy: Policy, why: str) -> InvalidArgument:
    return InvalidArgument(
        "POLICY_UNFIT", f"policy {policy.label} does not fit: {why}", policy=policy.label
    )


def _invalid(field_name: str, value: object, problem: str) -> InvalidArgument:
    return InvalidArgument(
        "POLICY_INVALID", f"{field_name} is {value}: {problem}", field=field_name, value=value
    )
