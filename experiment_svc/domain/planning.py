"""What an experiment will need, before it is started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from algolink.errors import InvalidArgument
from algolink.split import BUCKETS
from experiment_svc.domain.aggregates import Cell
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import FOR_DISPLAY, Metric
from experiment_svc.stats import cuped, ratio, sample_size
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is known of the metric and of the traffic.

    Attributes:
        mean: of a unit's value, in the metric's unit; None if only the spread is known.
        deviation: of a unit's value, a covariate's share taken out.
        units_per_day: that reach the model; None if nobody knows.
        units: that mean and deviation are of; 0 if somebody said them.
    """

    mean: float | None
    deviation: float
    units_per_day: float | None
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What it takes to find the primary metric's minimum effect.

    Attributes:
        alpha: error rate of each comparison.
        units: of all arms, until the always-valid interval excludes 0 with `power`.
        fixed_units: what a test that looks once, at the end, would take.
        days: until so many have come and their windows have closed; whole weeks. None
            if nobody knows how many come.
        optimal_units: of both arms that are compared: what to set in the analysis.
    """

    minimum_effect: float
    alpha: float
    power: float
    baseline: Baseline
    units: float
    fixed_units: float
    days: int | None
    optimal_units: int


def baseline(metric: Metric, control: Cell, *, units_per_day: float | None) -> Baseline:
    """From units that were measured, the metric's ratio and covariate applied.

    Args:
        control: units of one arm in one allocation.
        units_per_day: that reach the model.

    Raises:
        InvalidArgument: PLAN_IMPOSSIBLE, if their values do not vary, or are too few.
    """
    moments = _per_unit(metric, control.values)
    if isinstance(moments, Undefined):
        raise impossible(moments.reason)
    if not moments.variance:
        raise impossible("the values of the earlier units do not vary")
    return Baseline(
        mean=moments.mean,
        deviation=moments.variance**0.5,
        units_per_day=units_per_day,
        units=moments.count,
    )


def plan(experiment: Experiment, known: Baseline, *, power: float) -> Plan:
    """What the experiment will need, for its weights and its alpha.

    With several arms it is the one with the least traffic that takes longest.

    Raises:
        InvalidArgument: PLAN_IMPOSSIBLE or POWER_INVALID.
    """
    primary = experiment.primary
    if primary is None or primary.metric.kind in FOR_DISPLAY:
        raise impossible("there is no primary metric to plan for")
    effect = primary.metric.minimum_effect
    if not effect:
        raise impossible(f"metric {primary.metric.label} has no minimum_effect")
    alpha = experiment.analysis.alpha / (len(experiment.arms) - 1)
    if not alpha < power < 1.0:
        raise InvalidArgument(
            "POWER_INVALID", f"power is {power}: it must be over alpha and under 1", power=power
        )
    weights = experiment.weights()
    control = weights.pop(experiment.control.id)
    least = min(weights.values())
    share, pair = least / (control + least), (control + least) / BUCKETS
    compared = sample_size.sequential_total(
        variance=known.deviation**2, mde=effect, alpha=alpha, power=power, treatment_share=share
    )
    # Of a balanced test; one arm that is smaller takes more.
    fixed = sample_size.mean_total(
        variance=known.deviation**2, mde=effect, alpha=alpha, power=power
    ) * (0.25 / (share * (1.0 - share)))
    units = compared / pair
    days = None
    if known.units_per_day:
        weeks = sample_size.whole_weeks(units, units_per_day=known.units_per_day)
        window = primary.metric.window + (primary.metric.lateness or timedelta())
        days = 7 * weeks + -(-window // DAY)
    return Plan(
        minimum_effect=effect,
        alpha=alpha,
        power=power,
        baseline=known,
        units=units,
        fixed_units=fixed / pair,
        days=days,
        optimal_units=max(10, round(compared)),
    )


def impossible(why: str) -> InvalidArgument:
    """Nothing can be said."""
    return InvalidArgument("PLAN_IMPOSSIBLE", f"no plan: {why}")


def _per_unit(metric: Metric, values: JointMoments) -> Moments | Undefined:
    """The control as plain moments, less what its covariate says."""
    if values.count < 2:
        return Undefined("there are fewer than two earlier units with a value")
    if metric.covariate is not None:
        adjusted = cuped.ratios([values]) if metric.is_ratio else cuped.means([values])
        return adjusted if isinstance(adjusted, Undefined) else adjusted.arms[0]
    return ratio.linearised(values) if metric.is_ratio else values.moments(0)
