"""Intervals of shares, and of their difference, that are sound with few events."""

from __future__ import annotations

import math

from experiment_svc.stats import distributions, fixed
from experiment_svc.stats.proportions import NO_UNITS, Proportion
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined


def wilson(arm: Proportion, *, alpha: float) -> Interval | Undefined:
    """Interval of one share (Wilson, JASA 1927), without continuity correction.

    Args:
        alpha: two-sided error rate, over 0 and under 1.

    Returns:
        0 to 1. `Undefined` without units.

    Raises:
        ValueError: if `alpha` is out of range.

    >>> found = wilson(Proportion(10, 0), alpha=0.05)
    >>> found.lower, round(found.upper, 6)
    (0.0, 0.277533)
    """
    fixed.check_alpha(alpha)
    if not arm.count:
        return NO_UNITS
    z = -distributions.quantile(alpha / 2.0)
    failures = arm.count - arm.successes
    root = z * math.sqrt(arm.successes * (failures / arm.count) + z * z / 4.0)
    middle = arm.successes + z * z / 2.0
    # each end as the root of the quadratic that does not subtract near-equal numbers
    lower = arm.successes * arm.successes / arm.count / (middle + root) if arm.successes else 0.0
    upper = (middle + root) / (arm.count + z * z) if failures else 1.0
    return Interval(lower, upper)


def newcombe(control: Proportion, treatment: Proportion, *, alpha: float) -> Interval | Undefined:
    """Interval of the difference of two shares, out of Wilson's of each.

    Newcombe, "Interval estimation for the difference between independent proportions",
    Statistics in Medicine 1998, method 10: with p each share and (l, u) its interval,

        d - hypot(p_t - l_t, u_c - p_c)  to  d + hypot(u_t - p_t, p_c - l_c)

    Args:
        alpha: two-sided error rate, over 0 and under 1.

    Returns:
        -1 to 1. `Undefined` without units in an arm.

    Raises:
        ValueError: if `alpha` is out of range.
    """
    own, other = wilson(treatment, alpha=alpha), wilson(control, alpha=alpha)
    if isinstance(own, Undefined) or isinstance(other, Undefined):
        return NO_UNITS
    treated = treatment.successes / treatment.count
    base = control.successes / control.count
    return Interval(
        treated - base - math.hypot(treated - own.lower, other.upper - base),
        treated - base + math.hypot(own.upper - treated, base - other.lower),
    )
