"""Ratios of sums, such as errors per request, where units and not requests are assigned.

Requests of one unit are not independent, so the spread is taken between units, by
the delta method: Deng, Knoblich and Lu, "Applying the delta method in metric
analytics", KDD 2018. With means s and e of numerator and denominator per unit, the
ratio R = s / e moves, to first order, as the mean of `(numerator - R denominator)
/ e` does, whose variance per unit is

    v_R = (v_s - 2 R c_se + R^2 v_e) / e^2

So an arm becomes plain `Moments`, of mean R and variance v_R, and all that is known
about means holds for ratios.
"""

from __future__ import annotations

import math

from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

NO_DENOMINATOR = Undefined("the denominator's mean is 0")


def linearised(arm: JointMoments) -> Moments | Undefined:
    """An arm's ratio as if it were a mean over its units.

    Args:
        arm: (numerator, denominator) of each unit.

    Returns:
        Mean: numerators over denominators. `Undefined` without units, if the
        denominators average 0, or if the ratio does not fit a float.

    Raises:
        ValueError: if `arm` does not hold two values per unit.

    >>> linearised(JointMoments.of([[1.0, 2.0], [3.0, 2.0]]))
    Moments(count=2, mean=1.0, m2=0.5)
    """
    if len(arm.means) != 2:
        raise ValueError(f"a ratio has 2 values per unit, not {len(arm.means)}")
    found = linearised_pairs(arm)
    return found if isinstance(found, Undefined) else found.moments(0)


def linearised_pairs(arm: JointMoments) -> JointMoments | Undefined:
    """Several ratios of the same units at once, with their covariances.

    Args:
        arm: (numerator, denominator, numerator, denominator, ...) of each unit.

    Returns:
        One value per ratio. `Undefined` as `linearised`.

    Raises:
        ValueError: if `arm` holds an odd number of values per unit.
    """
    size = len(arm.means)
    if size % 2:
        raise ValueError(f"ratios have an even number of values per unit, not {size}")
    if not arm.count:
        return Undefined("no units")
    weights, ratios = [], []
    for at in range(0, size, 2):
        numerator, denominator = arm.means[at : at + 2]
        if denominator == 0.0:
            return NO_DENOMINATOR
        ratio = numerator / denominator
        gradient = (1.0 / denominator, -ratio / denominator)
        if not all(map(math.isfinite, gradient)):
            return Undefined("the denominator's mean is too close to 0")
        weights.append([0.0] * at + list(gradient) + [0.0] * (size - at - 2))
        ratios.append(ratio)
    return arm.mapped(weights, ratios)
