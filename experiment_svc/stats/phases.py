"""The difference between two arms whose shares of the traffic changed on the way.

While an experiment ramps, the mix of early and late units differs between the
arms, so the difference of the pooled means is biased by whatever drifted
meanwhile (Simpson's paradox). Within one allocation phase the arms are
comparable. So each phase gives its own difference, and the phases are averaged
by the units that they hold:

    d = sum (N_p / N) d_p        N se^2 = sum N_p^2 se_p^2 / N

where in phase p `d_p` is the difference of the means, `se_p^2` the sum of both
arms' sample variance over count, `N_p` the units of both arms, and `N` their sum.

What the error of a sequential decision on `d` rests on: within a phase units
are assigned by a hash, with shares that were fixed before they came, and a unit
is counted in the arm and phase of its first exposure, so that `N_p d_p` is, but
for terms that vanish, a sum of martingale differences whatever the earlier data
made of the shares; `N d` then is one over all phases, with variance `N^2 se^2`.
It does not rest on the phases having equal means, variances or effects: `d`
estimates the effect averaged over the units as they came. Two things are
asymptotic. The variances are estimated, which needs units in each arm of each
phase and not only in all: hence `MIN_UNITS`. And the sequence's tuning follows
the present variance, which the shares, hence earlier data, move.
`benchmarks/stats/ramp_error.py` measures what is left of both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

MIN_UNITS = 2
"""Units with a value that each arm needs in a phase for the phase to count."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Treatment minus control.

    Attributes:
        effect: in the metric's unit.
        standard_error: of `effect`, same unit, at least 0.
        count: units of both arms that it rests on.
    """

    effect: float
    standard_error: float
    count: int


def counted(phases: Sequence[tuple[Moments, Moments]]) -> list[tuple[Moments, Moments]]:
    """The phases in which both arms have at least `MIN_UNITS` units with a value.

    The others say nothing about the difference, or not how sure it is. Which
    they are depends on counts alone and never on the values.

    Args:
        phases: (control, treatment) per allocation phase.
    """
    return [pair for pair in phases if min(pair[0].count, pair[1].count) >= MIN_UNITS]


def combine(phases: Sequence[tuple[Moments, Moments]]) -> Difference | Undefined:
    """Difference over all phases, each weighted by its units.

    Phases that do not count (see `counted`) are left out, as if their units had
    not come. With one phase it is the plain difference of means.

    Args:
        phases: (control, treatment) per allocation phase, in any order.

    Returns:
        `Undefined` if no phase counts, or if values are too large to compute with.

    >>> combine([(Moments.of([1.0, 3.0]), Moments.of([2.0, 6.0]))])
    Difference(effect=2.0, standard_error=2.23606797749979, count=4)
    """
    usable = counted(phases)
    if not usable:
        return Undefined(f"no allocation phase has {MIN_UNITS} units with a value in both arms")
    total = sum(control.count + treatment.count for control, treatment in usable)
    effect = variance = 0.0
    for control, treatment in usable:
        share = (control.count + treatment.count) / total
        effect += share * (treatment.mean - control.mean)
        variance += share * share * (_mean_variance(control) + _mean_variance(treatment))
    if not (math.isfinite(effect) and math.isfinite(total * variance)):
        return Undefined("the values are too large to compute with")
    return Difference(effect, math.sqrt(variance), total)


def _mean_variance(sample: Moments) -> float:
    """Squared standard error of the mean of `sample`, which has two values or more."""
    return sample.m2 / (sample.count - 1) / sample.count
