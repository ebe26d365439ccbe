"""Results: what the stored facts say about an experiment now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from algolink.names import ExperimentName
from algolink.split import BUCKETS
from experiment_svc.domain import latency
from experiment_svc.domain.design import Arm
from experiment_svc.domain.experiments import Experiment, Phase
from experiment_svc.stats import lift, multinomial, phases, sequence
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

SAMPLE_RATIO = "#sample-ratio"
"""Key of the sample ratio's p-value; no arm has such an id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Units whose first exposure was to one arm in one phase.

    Attributes:
        units: all of them.
        crossed: those later exposed to another arm.
        values: of the primary metric, of the units that have one.
        outcomes: that these values rest on.
        outside: outcomes of the metric outside their unit's window.
    """

    arm: str
    phase: int
    units: int
    crossed: int
    values: Moments
    outcomes: int
    outside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregates:
    """All that the results need of the facts.

    Attributes:
        cells: at most one per arm and phase.
        requests: by (arm, phase).
        failures: by (arm, phase).
        latency: requests by bucket, by arm.
        redelivered: facts that came again, in all experiments.
        conflicts: facts that came again with other content, in all experiments.
        lowest_p: smallest p-value so far of each comparison, by arm, and of the
            sample ratio.
    """

    cells: Sequence[Cell] = ()
    requests: Mapping[tuple[str, int], int] = field(default_factory=dict)
    failures: Mapping[tuple[str, int], int] = field(default_factory=dict)
    latency: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    redelivered: int = 0
    conflicts: int = 0
    lowest_p: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseMoments:
    """Sufficient statistics of one arm in one phase."""

    phase: int
    units: int
    values: Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResults:
    """One arm over all phases; `values` is pooled, for display only."""

    arm: Arm
    requests: int
    failed_requests: int
    units: int
    crossed_units: int
    outcomes: int
    values: Moments
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    phases: tuple[PhaseMoments, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Arm minus control, with the simultaneous interval of all comparisons."""

    value: float
    lower: float
    upper: float
    p_value: float
    lift: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One arm against the control; `effect` says why where there is none."""

    arm: str
    effect: Effect | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """Whether units are where the weights say; no p-value without units."""

    p_value: float | None
    mismatch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured so far."""

    experiment: ExperimentName
    time: datetime
    arms: tuple[ArmResults, ...]
    comparisons: tuple[Comparison, ...]
    sample_ratio: SampleRatio
    exposures: int
    redelivered: int
    conflicts: int
    outcomes_outside_window: int

    def p_values(self) -> dict[str, float]:
        """Smallest p-values so far, to be stored and passed in at the next look."""
        values = {
            comparison.arm: comparison.effect.p_value
            for comparison in self.comparisons
            if isinstance(comparison.effect, Effect)
        }
        if self.sample_ratio.p_value is not None:
            values[SAMPLE_RATIO] = self.sample_ratio.p_value
        return values


def compute(experiment: Experiment, facts: Aggregates, *, at: datetime) -> Results:
    """Results of a started experiment.

    An arm or phase that the experiment does not have is left out of the arms
    but its exposures are counted.

    Args:
        facts: as stored at `at`.
        at: now; UTC.
    """
    cells = {(cell.arm, cell.phase): cell for cell in facts.cells}
    arms = tuple(_arm_results(arm, experiment.phases, cells, facts) for arm in experiment.arms)
    by_arm = {result.arm.id: [phase.values for phase in result.phases] for result in arms}
    comparisons = tuple(
        _compare(experiment, by_arm, arm, facts.lowest_p.get(arm.id, 1.0))
        for arm in experiment.arms[1:]
    )
    return Results(
        experiment=experiment.name,
        time=at,
        arms=arms,
        comparisons=comparisons,
        sample_ratio=_sample_ratio(experiment, cells, facts.lowest_p.get(SAMPLE_RATIO, 1.0)),
        exposures=sum(facts.requests.values()),
        redelivered=facts.redelivered,
        conflicts=facts.conflicts,
        outcomes_outside_window=sum(cell.outside for cell in facts.cells),
    )


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
        outcomes=sum(cell.outcomes for cell in own),
        values=sum((cell.values for cell in own), Moments()),
        latency_p50_ms=latency.quantile_ms(histogram, 0.5),
        latency_p99_ms=latency.quantile_ms(histogram, 0.99),
        phases=tuple(_phase_moments(phase, cells.get((arm.id, phase.number))) for phase in run),
    )


def _phase_moments(phase: Phase, cell: Cell | None) -> PhaseMoments:
    if cell is None:
        return PhaseMoments(phase=phase.number, units=0, values=Moments())
    return PhaseMoments(phase=phase.number, units=cell.units, values=cell.values)


def _compare(
    experiment: Experiment, by_arm: Mapping[str, Sequence[Moments]], arm: Arm, lowest_p: float
) -> Comparison:
    pairs = list(zip(by_arm[experiment.control.id], by_arm[arm.id], strict=True))
    return Comparison(arm=arm.id, effect=_effect(experiment, pairs, lowest_p))


def _effect(
    experiment: Experiment, pairs: Sequence[tuple[Moments, Moments]], lowest_p: float
) -> Effect | Undefined:
    """Effect of one of several arms; alpha is shared between them (Bonferroni)."""
    difference = phases.combine(pairs)
    if isinstance(difference, Undefined):
        return difference
    compared = len(experiment.arms) - 1
    alpha = max(experiment.analysis.alpha / compared, sequence.MIN_ALPHA)
    optimal_units = experiment.analysis.optimal_units
    interval = sequence.confidence_sequence(difference, alpha=alpha, optimal_units=optimal_units)
    p_value = sequence.always_valid_p(difference, alpha=alpha, optimal_units=optimal_units)
    if isinstance(interval, Undefined):
        return interval
    if isinstance(p_value, Undefined):
        return p_value
    relative = lift.lift(pairs)
    return Effect(
        value=difference.effect,
        lower=interval.lower,
        upper=interval.upper,
        p_value=min(1.0, p_value * compared, lowest_p),
        lift=None if isinstance(relative, Undefined) else relative,
    )


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
