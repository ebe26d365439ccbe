"""The difference between two arms, and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

MIN_UNITS = 2
"""Values that each arm needs for the difference to have a standard error."""

TOO_LARGE = Undefined("the values are too large to compute with")


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


def plain(control: Moments, treatment: Moments) -> Difference | Undefined:
    """Difference of means with Welch's standard error.

    `se^2 = v_c / n_c + v_t / n_t`, each arm with its own sample variance.

    Returns:
        `Undefined` with fewer than two values in an arm, or with values that
        are too large to compute with.

    >>> plain(Moments.of([1.0, 3.0]), Moments.of([2.0, 6.0]))
    Difference(effect=2.0, standard_error=2.23606797749979, count=4)
    """
    return _difference(control, treatment, least_variance=0.0)


def cautious(control: Moments, treatment: Moments) -> Difference | Undefined:
    """Difference of means for a decision that may be taken early.

    As `plain`, but no arm's variance is taken lower than that of both arms
    pooled, so it is never surer than `plain`. Why: with a small arm and skewed or
    rare values, most samples of that arm lack the tail, so that its mean and its
    variance are too low together; Welch's interval is then narrow just when it is
    wrong. In `benchmarks/stats/ramp_error.py`, with 10 % of the traffic and events
    in 0.2 to 0.4 % of the units, sequences on `plain` found an effect where there
    was none in 32 % of 500 experiments, sequences on this one in none. With arms
    of the same size and spread it costs under a point of power.

    >>> cautious(Moments.of([0.0, 0.0, 0.0, 4.0]), Moments.of([0.0, 0.0]))
    Difference(effect=-1.0, standard_error=1.5811388300841898, count=6)
    """
    degrees = control.count + treatment.count - 2
    pooled = (control.m2 + treatment.m2) / degrees if degrees > 0 else 0.0
    return _difference(control, treatment, least_variance=pooled)


def _difference(
    control: Moments, treatment: Moments, *, least_variance: float
) -> Difference | Undefined:
    control_variance, treatment_variance = control.variance, treatment.variance
    if control_variance is None or treatment_variance is None:
        return Undefined(f"fewer than {MIN_UNITS} units with a value in an arm")
    effect = treatment.mean - control.mean
    squared_error = (
        max(control_variance, least_variance) / control.count
        + max(treatment_variance, least_variance) / treatment.count
    )
    count = control.count + treatment.count
    if not (math.isfinite(effect) and math.isfinite(count * squared_error)):
        return TOO_LARGE
    return Difference(effect, math.sqrt(squared_error), count)
