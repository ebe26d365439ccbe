"""Asymptotic confidence sequences: intervals that may be looked at at any time.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit
theory and asymptotic confidence sequences", Annals of Statistics 2024
(arXiv:2103.06476); equation numbers are those of version 7.

With probability 1 - alpha, in large samples, the interval holds the true effect
at all looks at once; so to stop at the look that one likes is allowed. It is as
good as the standard error that it gets: no interval of this kind is right while
one arm alone has rare large values that have not come yet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiment_svc.stats.difference import Difference
from experiment_svc.stats.undefined import Undefined

MIN_ALPHA = 1e-100
MAX_ALPHA = 0.5


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed interval, in the metric's unit."""

    lower: float
    upper: float

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside."""
        return not self.lower <= value <= self.upper


def rho_squared(*, alpha: float, optimal_units: int) -> float:
    """Mixing variance that makes the sequence tightest at `optimal_units`.

    `(-W_{-1}(-alpha^2 / e) - 1) / optimal_units`, with the lower branch of
    Lambert's W: the exact minimum, of which eq. (161) is an approximation.

    Args:
        alpha: two-sided error rate, 1e-100 to 0.5.
        optimal_units: units of both arms, at least 1.

    Raises:
        ValueError: if either is out of range.

    >>> round(rho_squared(alpha=0.05, optimal_units=5_000), 9)
    0.001642394
    """
    if not MIN_ALPHA <= alpha <= MAX_ALPHA:
        raise ValueError(f"alpha must be {MIN_ALPHA} to {MAX_ALPHA}, not {alpha}")
    if optimal_units < 1:
        raise ValueError(f"optimal_units must be positive, not {optimal_units}")
    from scipy import special  # half a second of a service's start, needed at its first look

    lambert = special.lambertw(-alpha * alpha / math.e, k=-1)
    return float(-lambert.real - 1.0) / optimal_units


def mixing_variance(rho: float) -> float:
    """The mixing variance of a mixing deviation rho, as papers and programs quote it.

    Raises:
        ValueError: unless `rho` is positive and finite.

    >>> mixing_variance(0.5)
    0.25
    """
    if not 0.0 < rho < math.inf:
        raise ValueError(f"rho must be positive, not {rho}")
    return rho * rho


def half_width(*, variance: float, count: int, alpha: float, rho_squared: float) -> float:
    """Half the width of the sequence after `count` units (eq. 9).

    Args:
        variance: of one unit's contribution; for a difference `N se^2`.
        count: units so far, at least 1.
        alpha: two-sided error rate.
        rho_squared: mixing variance, positive; see `rho_squared`.
    """
    spread = count * rho_squared + 1.0
    per_unit = 2.0 * spread / (count * rho_squared) * (0.5 * math.log(spread) - math.log(alpha))
    return math.sqrt(variance / count) * math.sqrt(per_unit)


def confidence_sequence(
    difference: Difference, *, alpha: float, optimal_units: int
) -> Interval | Undefined:
    """Interval for the true effect, valid at every look at once.

    Args:
        difference: what was measured so far.
        alpha: two-sided error rate, 1e-100 to 0.5, fixed before the start.
        optimal_units: units of both arms at which it is tightest, at least 1,
            fixed before the start.

    Returns:
        `Undefined` if the values do not vary.

    Raises:
        ValueError: if `alpha` or `optimal_units` is out of range.
    """
    rho2 = rho_squared(alpha=alpha, optimal_units=optimal_units)
    return interval(difference, alpha=alpha, rho_squared=rho2)


def interval(difference: Difference, *, alpha: float, rho_squared: float) -> Interval | Undefined:
    """As `confidence_sequence`, with the mixing variance given."""
    if difference.standard_error == 0.0:
        return _NO_SPREAD
    radius = half_width(
        variance=difference.count * difference.standard_error * difference.standard_error,
        count=difference.count,
        alpha=alpha,
        rho_squared=rho_squared,
    )
    return Interval(difference.effect - radius, difference.effect + radius)


def always_valid_p(
    difference: Difference, *, alpha: float, optimal_units: int
) -> float | Undefined:
    """p-value of "no effect", valid at every look at once.

    It is at most `alpha` exactly when the confidence sequence of the same
    arguments excludes 0. The smallest of all looks so far is valid too.

    Args:
        difference: what was measured so far.
        alpha: error rate that the sequence is tuned for, 1e-100 to 0.5.
        optimal_units: as for `confidence_sequence`.

    Returns:
        0 to 1, or `Undefined` if the values do not vary.

    Raises:
        ValueError: if `alpha` or `optimal_units` is out of range.
    """
    return p_value(difference, rho_squared=rho_squared(alpha=alpha, optimal_units=optimal_units))


def p_value(difference: Difference, *, rho_squared: float) -> float | Undefined:
    """As `always_valid_p`, with the mixing variance given (eq. 155)."""
    if difference.standard_error == 0.0:
        return _NO_SPREAD
    z = difference.effect / difference.standard_error
    spread = difference.count * rho_squared + 1.0
    exponent = 0.5 * math.log(spread) - 0.5 * z * z * (spread - 1.0) / spread
    return min(1.0, math.exp(min(0.0, exponent)))


_NO_SPREAD = Undefined("the values of the units do not vary")
