"""The rule: whether the results say who wins, and in which words."""

from __future__ import annotations

from dataclasses import dataclass

from algolink.errors import FailedPrecondition
from experiment_svc.domain import losses
from experiment_svc.domain.comparing import Comparison, Effect
from experiment_svc.domain.design import Arm, Rule
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.domain.metrics import Measure, Role
from experiment_svc.domain.results import Measured, Results
from experiment_svc.stats.non_inferiority import Standing


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the rule says.

    Attributes:
        winner: id of the arm that it would conclude with; empty if none.
        reason: why, or what is still missing; one sentence.
    """

    winner: str
    reason: str


def recommend(experiment: Experiment, results: Results) -> Recommendation:
    """Applies the experiment's rule; without one, the default rule that never acts."""
    rule = experiment.rule or Rule()
    missing = _missing(experiment, results, rule)
    if missing:
        return Recommendation("", missing)
    measured = results.primary
    if measured is None:
        return Recommendation("", f"guardrails only: {guardrails(results)}")
    enough = _arms_with_units(results, rule)
    better: list[tuple[float, str]] = []
    worse: list[str] = []
    direction = measured.measure.metric.direction
    for comparison in results.comparisons:
        effect = comparison.effect
        if comparison.arm not in enough or not isinstance(effect, Effect):
            continue
        if effect.lower <= 0.0 <= effect.upper:
            continue
        if direction.is_good(effect.value):
            better.append((abs(effect.value), comparison.arm))
        else:
            worse.append(comparison.arm)
    harmed = {arm for one in results.measured for arm in harmed_by(one)}
    allowed = [(size, arm) for size, arm in better if arm not in harmed]
    if better and not allowed:
        return Recommendation("", f"a guardrail is broken: {guardrails(results)}")
    if allowed:
        winner = max(allowed)[1]
        return Recommendation(
            winner, f"{winner} is better: {_figures(experiment, results, winner)}"
        )
    if len(worse) == len(experiment.arms) - 1:
        figures = "; ".join(_figures(experiment, results, arm) for arm in worse)
        return Recommendation(experiment.control.id, f"every other arm is worse: {figures}")
    return Recommendation("", _undecided(experiment, measured, enough, rule))


def check_agrees(winner: str, recommendation: Recommendation) -> str:
    """Id of the arm to conclude with: the rule's, which `winner` must be if given.

    Raises:
        FailedPrecondition: NO_DECISION, or VERDICT_DISAGREES.
    """
    if not recommendation.winner and not winner:
        raise FailedPrecondition("NO_DECISION", f"no decision yet: {recommendation.reason}")
    if winner and winner != recommendation.winner:
        says = recommendation.winner or "no decision yet"
        raise FailedPrecondition(
            "VERDICT_DISAGREES",
            f"the rule does not agree with {winner}: {says}: {recommendation.reason}",
            winner=winner,
            recommended=recommendation.winner,
        )
    return recommendation.winner


def summary(experiment: Experiment, results: Results, winner: Arm, *, forced: bool) -> str:
    """One sentence that says who won, against whom, and by how much."""
    against = [
        comparison.arm
        for comparison in results.comparisons
        if winner.id in (experiment.control.id, comparison.arm)
    ]
    figures = "; ".join(_figures(experiment, results, arm) for arm in against)
    figures = figures or guardrails(results)
    by_hand = " by a person's decision" if forced else ""
    return f"{winner.id} (version {winner.version}) wins{by_hand}: {figures}"


def _missing(experiment: Experiment, results: Results, rule: Rule) -> str:
    """What forbids a decision whatever the effects are; empty if nothing does."""
    if experiment.state is not State.RUNNING:
        return f"the experiment is {experiment.state}"
    if results.sample_ratio.mismatch:
        return (
            "units are not where the weights say (sample ratio p = "
            f"{results.sample_ratio.p_value:.3g}): results are not to be trusted"
        )
    blocked = losses.blocking(results.losses)
    if blocked:
        return blocked
    if len(experiment.phases) < rule.min_phases:
        return f"phase {len(experiment.phases)} of the {rule.min_phases} that the rule waits for"
    return ""


def _arms_with_units(results: Results, rule: Rule) -> set[str]:
    """Arms that may be compared: they, and the control, have the units it takes."""
    counts = _units(results.primary)
    control = results.arms[0].arm.id
    if counts[control] < rule.min_units_per_arm:
        return set()
    return {arm for arm, count in counts.items() if count >= rule.min_units_per_arm} - {control}


def guardrails(results: Results) -> str:
    """Where each guardrail stands, in one sentence."""
    return "; ".join(
        f"{comparison.arm} on {one.measure.metric.name} is {_standing(comparison)}"
        for one in results.measured
        if one.measure.role is Role.GUARDRAIL
        for comparison in one.comparisons
    )


def harmed_by(measured: Measured) -> list[str]:
    """Arms that a guardrail shows to be worse than its margin allows."""
    if measured.measure.role is not Role.GUARDRAIL:
        return []
    return [
        comparison.arm
        for comparison in measured.comparisons
        if comparison.against and comparison.against.standing is Standing.INFERIOR
    ]


def _standing(comparison: Comparison) -> str:
    if comparison.against is None:
        effect = comparison.effect
        return "undecided" if isinstance(effect, Effect) else f"undecided ({effect.reason})"
    return str(comparison.against.standing)


def _undecided(experiment: Experiment, measured: Measured, enough: set[str], rule: Rule) -> str:
    if len(enough) < len(measured.comparisons):
        counts = ", ".join(f"{arm} {count}" for arm, count in _units(measured).items())
        return f"needs {rule.min_units_per_arm} units with a value in each arm, has {counts}"
    undefined = [
        f"{comparison.arm}: {comparison.effect.reason}"
        for comparison in measured.comparisons
        if not isinstance(comparison.effect, Effect)
    ]
    if undefined:
        return "; ".join(undefined)
    figures = "; ".join(
        _figures_of(experiment, measured.measure, item) for item in measured.comparisons
    )
    return f"not decided: {figures}"


def _units(measured: Measured | None) -> dict[str, int]:
    return {arm.arm: arm.units for arm in measured.arms} if measured else {}


def _figures(experiment: Experiment, results: Results, arm: str) -> str:
    measured = results.primary
    if measured is None:
        return guardrails(results)
    comparison = next(item for item in measured.comparisons if item.arm == arm)
    return _figures_of(experiment, measured.measure, comparison)


def _figures_of(experiment: Experiment, measure: Measure, comparison: Comparison) -> str:
    effect = comparison.effect
    against = f"{comparison.arm} against {experiment.control.id} on {measure.metric.name}"
    if not isinstance(effect, Effect):
        return f"{against} is undefined ({effect.reason})"
    return (
        f"{against} {effect.value:+.4g} ({effect.lower:+.4g} to {effect.upper:+.4g}), "
        f"p = {effect.p_value:.3g}"
    )
