"""Confidence sequences with one end: how large, or small, the effect is at least.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory
and asymptotic confidence sequences", Annals of Statistics 2024 (arXiv:2103.06476v7),
eq. (134). All of alpha lies on one side, so it is tighter than the end of the
two-sided sequence (`sequence`); which side must be fixed before the start.
"""

from __future__ import annotations

import math

from experiment_svc.stats import sequence
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import NO_SPREAD, Alternative
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined

MAX_ALPHA = 0.25


def rho_squared(*, alpha: float, optimal_units: int) -> float:
    """Mixing variance for a one-sided sequence: that of a two-sided one at 2 alpha.

    Args:
        alpha: one-sided error rate, 5e-101 to 0.25.
        optimal_units: units of both arms at which it is about tightest, at least 1.

    Raises:
        ValueError: if either is out of range.
    """
    if not alpha <= MAX_ALPHA:
        raise ValueError(f"alpha must be at most {MAX_ALPHA}, not {alpha}")
    return sequence.rho_squared(alpha=2.0 * alpha, optimal_units=optimal_units)


def half_width(*, variance: float, count: int, alpha: float, rho_squared: float) -> float:
    """How far the end lies from the estimate after `count` units (eq. 134).

    `sqrt(variance) sqrt(2 (n rho^2 + 1) / (n rho)^2 ln(1 + sqrt(n rho^2 + 1) / (2 alpha)))`

    Args:
        variance: of one unit's contribution, at least 0; for a difference `N se^2`.
        count: units so far, at least 1.
        alpha: one-sided error rate, over 0 and at most 0.25.
        rho_squared: mixing variance, positive; see `rho_squared`.

    Raises:
        ValueError: if one is out of range.

    >>> round(half_width(variance=1.0, count=10_000, alpha=0.05, rho_squared=0.00127), 6)
    0.028016
    """
    if not (variance >= 0.0 and count >= 1 and 0.0 < alpha <= MAX_ALPHA and rho_squared > 0.0):
        raise ValueError(f"out of range: {variance=}, {count=}, {alpha=}, {rho_squared=}")
    growth = count * rho_squared
    bound = math.log1p(math.sqrt(growth + 1.0) / (2.0 * alpha))
    return math.sqrt(variance / count) * math.sqrt(2.0 * (growth + 1.0) / growth * bound)


def interval(
    measured: Difference, *, alpha: float, rho_squared: float, alternative: Alternative
) -> Interval | Undefined:
    """Where the true effect is at all looks at once, in large samples.

    Args:
        alpha: one-sided error rate, over 0 and at most 0.25.
        rho_squared: mixing variance, positive; see `rho_squared`.
        alternative: `GREATER` for a lower end, `LESS` for an upper.

    Returns:
        One end is infinite. `Undefined` if the values do not vary.

    Raises:
        ValueError: if a value is out of range, or for `TWO_SIDED`.
    """
    if alternative is Alternative.TWO_SIDED:
        raise ValueError("a two-sided sequence is sequence.interval")
    if measured.standard_error == 0.0:
        return NO_SPREAD
    variance = measured.count * measured.standard_error * measured.standard_error
    reach = half_width(
        variance=variance, count=measured.count, alpha=alpha, rho_squared=rho_squared
    )
    if alternative is Alternative.GREATER:
        return Interval(measured.effect - reach, math.inf)
    return Interval(-math.inf, measured.effect + reach)


def p_value(
    measured: Difference, *, rho_squared: float, alternative: Alternative
) -> float | Undefined:
    """The alpha at which the end of the sequence is exactly 0: always valid.

    Returns:
        0 to 1; 1 where the effect has the other sign. `Undefined` if the values do not vary.

    Raises:
        ValueError: if `rho_squared` is not positive, or for `TWO_SIDED`.
    """
    if alternative is Alternative.TWO_SIDED or not rho_squared > 0.0:
        raise ValueError(f"one side and a positive variance, not {alternative}, {rho_squared}")
    if measured.standard_error == 0.0:
        return NO_SPREAD
    z = measured.effect / measured.standard_error
    if alternative is Alternative.LESS:
        z = -z
    if z <= 0.0:
        return 1.0
    growth = measured.count * rho_squared
    exponent = 0.5 * z * z * growth / (growth + 1.0)
    if exponent > 700.0:
        return 0.0
    return min(1.0, math.sqrt(growth + 1.0) / (2.0 * math.expm1(exponent)))
