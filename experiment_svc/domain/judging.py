"""What a policy does about results: one rule after the other, the first that holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from experiment_svc.domain import decisions, policies
from experiment_svc.domain.comparing import Comparison, Effect
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Direction, Role
from experiment_svc.domain.policies import Action, Guard, Policy, Promote
from experiment_svc.domain.results import Measured, Results
from experiment_svc.stats.non_inferiority import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is to be done, and why.

    Attributes:
        winner: id of the arm that is promoted; empty otherwise.
        weights: to ramp to; empty otherwise.
        reason: one sentence, with the figures.
        waits: whether a person must approve it first.
    """

    action: Action
    reason: str
    winner: str = ""
    weights: dict[str, int] = field(default_factory=dict)
    waits: bool = False

    @property
    def key(self) -> str:
        """What a person approves."""
        return policies.approval_key(self.action, self.weights, self.winner)


def judge(
    experiment: Experiment, policy: Policy, results: Results, *, blocked: str = "", at: datetime
) -> Judgement:
    """Applies a policy to the results of a running experiment.

    A broken guardrail rolls back at once, whatever else holds: the evidence for it
    does not go away, and giving the champion its traffic back is the safe side.

    Args:
        blocked: why the facts are not to be acted on; empty if they are.
        at: now; UTC.
    """
    harmed = _broken(results)
    if harmed:
        return Judgement(action=Action.ROLL_BACK, reason=f"a guardrail is broken: {harmed}")
    why_not = blocked or _why_nothing(policy, results, at)
    if why_not:
        return _hold(why_not)
    ended = _ended(experiment, policy, results, at)
    if ended is not None:
        return ended
    if experiment.step < len(policy.steps):
        return _ramp(experiment, policy, results, at)
    return _promote(policy, results)


def _broken(results: Results) -> str:
    return "; ".join(
        f"{arm} on {one.measure.metric.name}"
        for one in results.measured
        for arm in decisions.harmed_by(one)
    )


def _why_nothing(policy: Policy, results: Results, at: datetime) -> str:
    """Why nothing may be done but rolling back; empty if something may."""
    if results.sample_ratio.mismatch:
        return "units are not where the weights say: results are not to be trusted"
    newest = results.newest_unit
    if newest is None or at - newest > policy.max_age:
        age = "there is none" if newest is None else f"it came at {newest:%Y-%m-%d %H:%M:%SZ}"
        return f"the newest unit of this phase is older than {policy.max_age}: {age}"
    if policy.frozen(at):
        return "a freeze is on"
    return ""


def _ended(
    experiment: Experiment, policy: Policy, results: Results, at: datetime
) -> Judgement | None:
    """Whether it is to stop without a winner."""
    started = experiment.start_time
    if policy.max_duration and started is not None and at - started >= policy.max_duration:
        return Judgement(action=Action.STOP, reason=f"it has run for {policy.max_duration}")
    primary = results.primary
    if primary is None or _too_few(primary, policy):
        return None
    direction = primary.measure.metric.direction
    effects = [one.effect for one in primary.comparisons if isinstance(one.effect, Effect)]
    if len(effects) < len(primary.comparisons):
        return None
    best = [_best(effect, direction) for effect in effects]
    if all(bound < 0.0 for bound in best):
        return Judgement(action=Action.STOP, reason="every arm is worse than the control")
    least = primary.measure.metric.minimum_effect
    if policy.futility and all(bound < least for bound in best):
        return Judgement(
            action=Action.STOP,
            reason=f"no arm can be better by {least:g} any more: at best {max(best):+.4g}",
        )
    return None


def _ramp(experiment: Experiment, policy: Policy, results: Results, at: datetime) -> Judgement:
    step = policy.steps[experiment.step]
    phase = experiment.phases[-1]
    if at - phase.start < step.hold:
        return _hold(f"this share holds for {step.hold}, since {phase.start:%Y-%m-%d %H:%M:%SZ}")
    units = results.units_of(phase.number)
    few = {arm: count for arm, count in units.items() if count < step.min_units}
    if few:
        counts = ", ".join(f"{arm} {count}" for arm, count in few.items())
        return _hold(f"needs {step.min_units} new units in each arm of this phase, has {counts}")
    weights = policies.weights_at(experiment.arms, step.share_bp)
    return Judgement(
        action=Action.RAMP,
        reason=f"step {experiment.step + 1} of {len(policy.steps)}: no guardrail is broken",
        weights=weights,
        waits=Action.RAMP in policy.approvals,
    )


def _promote(policy: Policy, results: Results) -> Judgement:
    primary = results.primary
    if policy.promote is Promote.NEVER or primary is None:
        return _hold("it promotes nothing by itself: all steps are done")
    too_few = _too_few(primary, policy)
    if too_few:
        return _hold(too_few)
    winners = [one for one in primary.comparisons if _wins(one, primary, policy)]
    if not winners:
        return _hold(f"no arm is {policy.promote} on {primary.measure.metric.name} yet")
    allowed = [one for one in winners if _guarded(one.arm, policy, results)]
    if not allowed:
        return _hold(f"waits for guardrails: {decisions.guardrails(results)}")
    best = max(allowed, key=lambda one: _size(one, primary.measure.metric.direction))
    effect = best.effect
    figures = (
        f"{effect.value:+.4g} ({effect.lower:+.4g} to {effect.upper:+.4g})"
        if isinstance(effect, Effect)
        else ""
    )
    return Judgement(
        action=Action.PROMOTE,
        reason=f"{best.arm} is {policy.promote} on {primary.measure.metric.name}: {figures}",
        winner=best.arm,
        waits=Action.PROMOTE in policy.approvals,
    )


def _too_few(primary: Measured, policy: Policy) -> str:
    counts = {arm.arm: arm.units for arm in primary.arms if arm.units < policy.min_units}
    listed = ", ".join(f"{arm} {count}" for arm, count in counts.items())
    return f"needs {policy.min_units} units with a value in each arm, has {listed}" * bool(counts)


def _wins(comparison: Comparison, primary: Measured, policy: Policy) -> bool:
    effect = comparison.effect
    if not isinstance(effect, Effect):
        return False
    if policy.promote is Promote.SUPERIOR:
        return _worst(effect, primary.measure.metric.direction) > 0.0
    against = comparison.against
    return against is not None and against.standing is Standing.NON_INFERIOR


def _guarded(arm: str, policy: Policy, results: Results) -> bool:
    """Whether every guardrail lets the arm through."""
    standings = [
        comparison.against.standing if comparison.against else Standing.UNDECIDED
        for one in results.measured
        if one.measure.role is Role.GUARDRAIL
        for comparison in one.comparisons
        if comparison.arm == arm
    ]
    if policy.guardrails is Guard.UNBROKEN:
        return Standing.INFERIOR not in standings
    return all(standing is Standing.NON_INFERIOR for standing in standings)


def _best(effect: Effect, direction: Direction) -> float:
    """How good the effect is at best; positive is better."""
    return effect.upper if direction is Direction.INCREASE else -effect.lower


def _worst(effect: Effect, direction: Direction) -> float:
    return effect.lower if direction is Direction.INCREASE else -effect.upper


def _size(comparison: Comparison, direction: Direction) -> float:
    effect = comparison.effect
    if not isinstance(effect, Effect):
        return 0.0
    return effect.value if direction is Direction.INCREASE else -effect.value


def _hold(reason: str) -> Judgement:
    return Judgement(action=Action.HOLD, reason=reason)
