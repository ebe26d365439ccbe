"""The rule: whether the results say who wins, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from algolink.errors import FailedPrecondition
from experiment_svc.domain.design import Arm, Rule
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.domain.results import Effect, Results


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
    enough = _arms_with_units(results, rule)
    better: list[tuple[float, str]] = []
    worse: list[str] = []
    direction = experiment.metric.direction
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
    if better:
        winner = max(better)[1]
        return Recommendation(
            winner, f"{winner} is better: {_figures(experiment, results, winner)}"
        )
    if len(worse) == len(experiment.arms) - 1:
        figures = "; ".join(_figures(experiment, results, arm) for arm in worse)
        return Recommendation(experiment.control.id, f"every other arm is worse: {figures}")
    return Recommendation("", _undecided(experiment, results, enough, rule))


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
    if len(experiment.phases) < rule.min_phases:
        return f"phase {len(experiment.phases)} of the {rule.min_phases} that the rule waits for"
    return ""


def _arms_with_units(results: Results, rule: Rule) -> set[str]:
    """Arms that may be compared: they, and the control, have the units it takes."""
    counts = {result.arm.id: result.values.count for result in results.arms}
    control = results.arms[0].arm.id
    if counts[control] < rule.min_units_per_arm:
        return set()
    return {arm for arm, count in counts.items() if count >= rule.min_units_per_arm} - {control}


def _undecided(experiment: Experiment, results: Results, enough: set[str], rule: Rule) -> str:
    if len(enough) < len(results.comparisons):
        counts = _counts(results)
        return f"needs {rule.min_units_per_arm} units with a value in each arm, has {counts}"
    undefined = [
        f"{comparison.arm}: {comparison.effect.reason}"
        for comparison in results.comparisons
        if not isinstance(comparison.effect, Effect)
    ]
    if undefined:
        return "; ".join(undefined)
    figures = "; ".join(_figures(experiment, results, item.arm) for item in results.comparisons)
    return f"not decided: {figures}"


def _counts(results: Results) -> str:
    counts: Mapping[str, int] = {result.arm.id: result.values.count for result in results.arms}
    return ", ".join(f"{arm} {count}" for arm, count in counts.items())


def _figures(experiment: Experiment, results: Results, arm: str) -> str:
    effect = next(item.effect for item in results.comparisons if item.arm == arm)
    against = f"{arm} against {experiment.control.id} on {experiment.metric.name}"
    if not isinstance(effect, Effect):
        return f"{against} is undefined ({effect.reason})"
    return (
        f"{against} {effect.value:+.4g} ({effect.lower:+.4g} to {effect.upper:+.4g}), "
        f"p = {effect.p_value:.3g}"
    )
