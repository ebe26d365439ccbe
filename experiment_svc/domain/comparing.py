"""One arm against the control under one metric, valid at every look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiment_svc.domain.aggregates import Cell
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import OF_EVENTS, Direction, Measure, Metric
from experiment_svc.stats import (
    lift,
    multinomial,
    non_inferiority,
    one_sided_count,
    phases,
    sequence,
    standardised,
)
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.non_inferiority import Standing
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Arm minus control, with the simultaneous interval of all comparisons."""

    value: float
    lower: float
    upper: float
    p_value: float
    lift: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Where an arm stands against a margin.

    Attributes:
        standing: non-inferior, inferior by more than the margin, or neither yet.
        limit: the effect that is just too bad, in the metric's unit.
        harm_p: always-valid p-value of "not worse by more than the margin", where
            units with events are counted exactly; None elsewhere.
    """

    standing: Standing
    limit: float
    harm_p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One arm against the control; `effect` says why where there is none.

    Attributes:
        against: where there is a margin and it can be computed.
    """

    arm: str
    effect: Effect | Undefined
    against: Against | None = None


Cells = Sequence[tuple[int, Cell | None, Cell | None]]
"""(phase, control's cell, arm's cell) of all phases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Compares arms of an experiment under one measure.

    Attributes:
        alpha: error rate of each comparison: the experiment's, shared.
        shares_of: number of comparisons that share it.
    """

    experiment: Experiment
    measure: Measure
    alpha: float
    shares_of: int

    def compare(self, arm: str, cells: Cells, *, lowest_p: float, lowest_harm: float) -> Comparison:
        """One arm against the control.

        Args:
            lowest_p: smallest p-value of this comparison at any look before.
            lowest_harm: likewise of its harm.
        """
        metric = self.measure.metric
        pairs = [_values(metric, control, treatment) for _, control, treatment in cells]
        means = standardised.means(
            pairs, ratio=metric.is_ratio, covariate=metric.covariate is not None
        )
        if isinstance(means, Undefined):
            return Comparison(arm=arm, effect=means)
        found = phases.combine(means)
        if isinstance(found, Undefined):
            return Comparison(arm=arm, effect=found, against=self._counted(arm, cells, lowest_harm))
        relative = lift.lift(means)
        effect = self._effect(found, relative, lowest_p)
        limit = self._limit(means, found)
        against = self._against(arm, cells, effect, limit, lowest_harm)
        return Comparison(arm=arm, effect=effect, against=against)

    def _effect(
        self, found: Difference, relative: float | Undefined, lowest_p: float
    ) -> Effect | Undefined:
        optimal_units = self.experiment.analysis.optimal_units
        interval = sequence.confidence_sequence(
            found, alpha=self.alpha, optimal_units=optimal_units
        )
        p_value = sequence.always_valid_p(found, alpha=self.alpha, optimal_units=optimal_units)
        if isinstance(interval, Undefined):
            return interval
        if isinstance(p_value, Undefined):
            return p_value
        return Effect(
            value=found.effect,
            lower=interval.lower,
            upper=interval.upper,
            p_value=min(1.0, p_value * self.shares_of, lowest_p),
            lift=None if isinstance(relative, Undefined) else relative,
        )

    def _limit(self, means: Sequence[phases.Phase], found: Difference) -> float:
        counted = phases.counted(means)
        baseline = sum(
            (control.count + arm.count) / found.count * control.mean for control, arm in counted
        )
        direction = non_inferiority.Direction(self.measure.metric.direction)
        return non_inferiority.null_effect(
            baseline, margin=self.measure.margin, direction=direction
        )

    def _against(
        self, arm: str, cells: Cells, effect: Effect | Undefined, limit: float, lowest: float
    ) -> Against | None:
        if not self.measure.margin:
            return None
        exact = self._counted(arm, cells, lowest)
        if isinstance(effect, Undefined):
            return exact
        direction = non_inferiority.Direction(self.measure.metric.direction)
        standing = non_inferiority.standing(
            Interval(effect.lower, effect.upper), null=limit, direction=direction
        )
        if exact is None:
            return Against(standing=standing, limit=limit)
        if standing is Standing.INFERIOR or exact.standing is Standing.INFERIOR:
            standing = exact.standing  # harm is shown by the exact count alone
        return Against(standing=standing, limit=limit, harm_p=exact.harm_p)

    def _counted(self, arm: str, cells: Cells, lowest: float) -> Against | None:
        """Harm by the exact count of units with an event.

        If the arm is worse by just the margin, a unit with an event is the arm's with
        the probability `w r / (w_c + w r)`, for the weights w and the ratio r of the
        rates, whatever the rates are and however they drift.
        """
        metric, margin = self.measure.metric, self.measure.margin
        if metric.kind not in OF_EVENTS or not margin:
            return None
        more_is_worse = metric.direction is Direction.DECREASE
        rate = 1.0 + margin if more_is_worse else max(1.0 - margin, _LEAST_RATE)
        log_e = 0.0
        for number, control, treatment in cells:
            weights = self.experiment.phases[number - 1].weights_bp
            own, other = weights[arm] * rate, weights[self.experiment.control.id]
            if not own or not other:
                continue
            counts = (_events(treatment), _events(control))
            bound = own / (own + other)
            if not more_is_worse:  # then too many of the events are the control's
                counts, bound = (counts[1], counts[0]), 1.0 - bound
            log_e += one_sided_count.log_e_value(*counts, bound=bound)
        p_value = multinomial.sequential_p(log_e)
        harm_p = min(lowest, p_value * self.shares_of, 1.0)
        alpha = self.alpha * self.shares_of
        standing = Standing.INFERIOR if harm_p <= alpha else Standing.UNDECIDED
        return Against(standing=standing, limit=0.0, harm_p=harm_p)


_LEAST_RATE = 1e-6
"""A margin of the whole rate is never reached; a test needs a rate over 0."""


def _values(
    metric: Metric, control: Cell | None, treatment: Cell | None
) -> tuple[JointMoments, JointMoments]:
    empty = JointMoments.empty(metric.size)
    return (control.values if control else empty, treatment.values if treatment else empty)


def _events(cell: Cell | None) -> int:
    return round(cell.values.count * cell.values.means[0]) if cell else 0
