"""Results: what the stored facts say about an experiment now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypedDict

from algolink.names import ExperimentName
from algolink.split import BUCKETS
from experiment_svc.domain import latency
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.comparing import Comparer, Comparison, Effect
from experiment_svc.domain.design import Arm
from experiment_svc.domain.experiments import Experiment, Phase
from experiment_svc.domain.losses import Loss
from experiment_svc.domain.metrics import FOR_DISPLAY, Kind, Measure, Metric, Role
from experiment_svc.stats import multinomial, multiplicity, sequence
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.quantile import QuantileBounds
from experiment_svc.stats.undefined import Undefined

SAMPLE_RATIO = "#sample-ratio"
"""Key of the sample ratio's p-value; no arm has such an id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResults:
    """Requests and units of one arm over all phases."""

    arm: Arm
    requests: int
    failed_requests: int
    units: int
    crossed_units: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredArm:
    """One arm under one metric, over all phases: for display.

    Attributes:
        units: that have a value.
        outcomes: that these values rest on.
        estimate: mean, ratio or quantile, in the metric's unit, pooled over phases;
            None if there is none.
        lower: of a quantile of outcomes, bounds that hold at one look with 95 %.
        upper: likewise.
        cells: by phase, from 1: what the decision rests on.
    """

    arm: str
    units: int
    outcomes: int
    outside: int
    late: int
    estimate: float | None
    lower: float | None = None
    upper: float | None = None
    cells: tuple[Cell | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One metric of the experiment.

    Attributes:
        comparisons: each arm but the control against the control.
        adjusted_p: by arm, of secondary metrics: the p-values adjusted by Holm's
            rule for all comparisons of all secondary metrics.
    """

    measure: Measure
    arms: tuple[MeasuredArm, ...]
    comparisons: tuple[Comparison, ...]
    adjusted_p: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """Whether units are where the weights say; no p-value without units."""

    p_value: float | None
    mismatch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured so far.

    Attributes:
        newest_unit: first exposure of the newest unit of the present phase; UTC.
        units_by_phase: new units by phase and arm.
    """

    experiment: ExperimentName
    time: datetime
    arms: tuple[ArmResults, ...]
    measured: tuple[Measured, ...]
    sample_ratio: SampleRatio
    exposures: int
    redelivered: int
    conflicts: int
    outcomes_outside_window: int
    newest_unit: datetime | None
    units_by_phase: Mapping[int, Mapping[str, int]]
    losses: tuple[Loss, ...] = ()

    def units_of(self, phase: int) -> dict[str, int]:
        """New units of each arm in a phase."""
        known = self.units_by_phase.get(phase, {})
        return {arm.arm.id: known.get(arm.arm.id, 0) for arm in self.arms}

    @property
    def primary(self) -> Measured | None:
        """The primary metric; None if guardrails watch alone."""
        return next((one for one in self.measured if one.measure.role is Role.PRIMARY), None)

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Of the primary metric; empty without one."""
        return self.primary.comparisons if self.primary else ()

    def p_values(self) -> dict[str, float]:
        """Smallest p-values so far, to be stored and passed in at the next look."""
        values = {}
        for one in self.measured:
            for comparison in one.comparisons:
                if isinstance(comparison.effect, Effect):
                    values[_key(one.measure, comparison.arm)] = comparison.effect.p_value
                if comparison.against and comparison.against.harm_p is not None:
                    values[_harm_key(one.measure, comparison.arm)] = comparison.against.harm_p
        if self.sample_ratio.p_value is not None:
            values[SAMPLE_RATIO] = self.sample_ratio.p_value
        return values


def compute(
    experiment: Experiment, facts: Aggregates, losses: Sequence[Loss] = (), *, at: datetime
) -> Results:
    """Results of a started experiment.

    An arm or phase that the experiment does not have is left out of the arms
    but its exposures are counted.

    Args:
        facts: as stored at `at`.
        losses: of this experiment, newest first.
        at: now; UTC.
    """
    measured = tuple(_measured(experiment, one, facts) for one in experiment.measures)
    units = next(iter(facts.cells.values()), ())
    cells = {(cell.arm, cell.phase): cell for cell in units}
    primary = experiment.primary
    of_primary = facts.cells.get(primary.metric.name, ()) if primary else ()
    return Results(
        experiment=experiment.name,
        time=at,
        arms=tuple(_arm_results(arm, experiment.phases, cells, facts) for arm in experiment.arms),
        measured=_with_adjusted_p(measured),
        sample_ratio=_sample_ratio(experiment, cells, facts.lowest_p.get(SAMPLE_RATIO, 1.0)),
        exposures=sum(facts.requests.values()),
        redelivered=facts.redelivered,
        conflicts=facts.conflicts,
        outcomes_outside_window=sum(cell.outside for cell in of_primary),
        losses=tuple(losses),
        newest_unit=_newest(experiment, units),
        units_by_phase=_units_by_phase(units),
    )


def _newest(experiment: Experiment, cells: Sequence[Cell]) -> datetime | None:
    """First exposure of the newest unit of the present phase."""
    present = experiment.phases[-1].number
    found = [cell.newest for cell in cells if cell.phase == present and cell.newest]
    return max(found, default=None)


def _units_by_phase(cells: Sequence[Cell]) -> dict[int, dict[str, int]]:
    units: dict[int, dict[str, int]] = {}
    for cell in cells:
        units.setdefault(cell.phase, {})[cell.arm] = cell.units
    return units


def _arm_results(
    arm: Arm,
    run: Sequence[Phase],
    cells: Mapping[tuple[str, int], Cell],
    facts: Aggregates,
) -> ArmResults:
    own = [cell for phase in run if (cell := cells.get((arm.id, phase.number)))]
    histogram = facts.latency.get(arm.id, {})
    return ArmResults(
        arm=arm,
        requests=sum(n for (name, _), n in facts.requests.items() if name == arm.id),
        failed_requests=sum(n for (name, _), n in facts.failures.items() if name == arm.id),
        units=sum(cell.units for cell in own),
        crossed_units=sum(cell.crossed for cell in own),
        latency_p50_ms=latency.quantile_ms(histogram, 0.5),
        latency_p99_ms=latency.quantile_ms(histogram, 0.99),
    )


def _measured(experiment: Experiment, measure: Measure, facts: Aggregates) -> Measured:
    name = measure.metric.name
    cells = {(cell.arm, cell.phase): cell for cell in facts.cells.get(name, ())}
    numbers = [phase.number for phase in experiment.phases]
    by_arm = {
        arm.id: [cells.get((arm.id, number)) for number in numbers] for arm in experiment.arms
    }
    arms = tuple(_measured_arm(measure.metric, arm, own, facts) for arm, own in by_arm.items())
    if measure.metric.kind in FOR_DISPLAY:
        shown = tuple(Comparison(arm=arm.id, effect=NOT_COMPARED) for arm in experiment.arms[1:])
        return Measured(measure=measure, arms=arms, comparisons=shown)
    comparer = Comparer(
        experiment=experiment, measure=measure, **_shared_alpha(experiment, measure)
    )
    control = by_arm[experiment.control.id]
    comparisons = tuple(
        comparer.compare(
            arm.id,
            list(zip(numbers, control, by_arm[arm.id], strict=True)),
            lowest_p=facts.lowest_p.get(_key(measure, arm.id), 1.0),
            lowest_harm=facts.lowest_p.get(_harm_key(measure, arm.id), 1.0),
        )
        for arm in experiment.arms[1:]
    )
    return Measured(measure=measure, arms=arms, comparisons=comparisons)


NOT_COMPARED = Undefined("a quantile is shown, not compared: use a share over a limit")


def _shared_alpha(experiment: Experiment, measure: Measure) -> _Shared:
    """Alpha is shared between all that may act on it (Bonferroni).

    That is the arms; and for guardrails all guardrails too, since any of them may
    roll back. Secondary and diagnostic metrics act on nothing, and share nothing.
    """
    if measure.role not in (Role.PRIMARY, Role.GUARDRAIL):
        return _Shared(alpha=experiment.analysis.alpha, shares_of=1)
    shares = len(experiment.arms) - 1
    if measure.role is Role.GUARDRAIL:
        shares *= sum(one.role is Role.GUARDRAIL for one in experiment.measures)
    alpha = max(experiment.analysis.alpha / shares, sequence.MIN_ALPHA)
    return _Shared(alpha=alpha, shares_of=shares)


class _Shared(TypedDict):
    alpha: float
    shares_of: int


def _measured_arm(
    metric: Metric, arm: str, own: Sequence[Cell | None], facts: Aggregates
) -> MeasuredArm:
    known = [cell for cell in own if cell is not None]
    total = sum((cell.values for cell in known), JointMoments.empty(metric.size))
    estimate: float | None = total.means[0] if total.count else None
    if estimate is not None and metric.is_ratio:
        estimate = estimate / total.means[1] if total.means[1] else None
    lower = upper = None
    if metric.kind is Kind.LATENCY_QUANTILE:
        estimate = latency.quantile_ms(facts.latency.get(arm, {}), metric.level)
    elif metric.kind is Kind.QUANTILE:
        estimate = None
        bounds = facts.quantiles.get(metric.name, {}).get(arm)
        if isinstance(bounds, QuantileBounds):
            estimate, lower, upper = bounds.estimate, bounds.lower, bounds.upper
    return MeasuredArm(
        arm=arm,
        units=total.count,
        outcomes=sum(cell.outcomes for cell in known),
        outside=sum(cell.outside for cell in known),
        late=sum(cell.late for cell in known),
        estimate=estimate,
        lower=lower,
        upper=upper,
        cells=tuple(own),
    )


def _with_adjusted_p(measured: Sequence[Measured]) -> tuple[Measured, ...]:
    """Secondary metrics with their p-values adjusted for one another."""
    family = [
        (one, comparison.arm, comparison.effect.p_value)
        for one in measured
        if one.measure.role is Role.SECONDARY
        for comparison in one.comparisons
        if isinstance(comparison.effect, Effect)
    ]
    adjusted = multiplicity.holm([p_value for _, _, p_value in family])
    by_metric: dict[str, dict[str, float]] = {}
    for (one, arm, _), p_value in zip(family, adjusted, strict=True):
        by_metric.setdefault(one.measure.metric.name, {})[arm] = p_value
    return tuple(
        replace(one, adjusted_p=by_metric.get(one.measure.metric.name, {})) for one in measured
    )


def _key(measure: Measure, arm: str) -> str:
    """What a comparison's p-value is kept under; of the primary metric, the arm's id."""
    return arm if measure.role is Role.PRIMARY else f"{measure.metric.name}/{arm}"


def _harm_key(measure: Measure, arm: str) -> str:
    return f"{measure.metric.name}/{arm}/harm"


def _sample_ratio(
    experiment: Experiment, cells: Mapping[tuple[str, int], Cell], lowest_p: float
) -> SampleRatio:
    """Evidence over the phases that split units, each against its own weights."""
    split_phases = []
    for phase in experiment.phases:
        counts = [
            cell.units if (cell := cells.get((arm.id, phase.number))) else 0
            for arm in experiment.arms
        ]
        shares = [phase.weights_bp[arm.id] / BUCKETS for arm in experiment.arms]
        if sum(counts):
            split_phases.append((counts, shares))
    if not split_phases:
        return SampleRatio(p_value=None, mismatch=False)
    log_e = multinomial.combined_log_e_value(split_phases)
    p_value = min(multinomial.sequential_p(log_e), lowest_p)
    return SampleRatio(p_value=p_value, mismatch=p_value < experiment.analysis.srm_alpha)
