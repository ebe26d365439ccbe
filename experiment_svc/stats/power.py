"""What a planned number of units can show. For one look at the end.

By the normal distribution, with both of its tails: an effect may also be found with the
wrong sign, which matters where the power is low.
"""

from __future__ import annotations

import math

from experiment_svc.stats import distributions, fixed, roots


def of_mean(
    *, mde: float, deviation: float, units_per_arm: float, alpha: float, ratio: float = 1.0
) -> float:
    """Probability of a two-sided rejection if the effect is `mde`.

    Args:
        mde: the true difference of the means, in the metric's unit.
        deviation: standard deviation of one unit, in that unit, positive.
        units_per_arm: of the control, positive.
        alpha: two-sided error rate, over 0 and under 1.
        ratio: the treatment's units over the control's, positive.

    Returns:
        At least `alpha`, which it is without an effect; at most 1.

    Raises:
        ValueError: if one is out of range.

    >>> round(of_mean(mde=0.05, deviation=1.0, units_per_arm=5_000, alpha=0.05), 6)
    0.705418
    """
    error = _standard_error(deviation, units_per_arm, ratio)
    fixed.check_alpha(alpha)
    if not math.isfinite(mde):
        raise ValueError(f"mde must be finite, not {mde}")
    return _rejection(abs(mde) / error, alpha)


def detectable_mean(
    *, deviation: float, units_per_arm: float, alpha: float, power: float, ratio: float = 1.0
) -> float:
    """Minimum detectable effect: the difference that `of_mean` finds with `power`.

    Args:
        power: over `alpha` and under 1; the others as `of_mean`.

    Returns:
        In the metric's unit, positive.

    Raises:
        ValueError: if one is out of range.

    >>> round(detectable_mean(deviation=1.0, units_per_arm=5_000, alpha=0.05, power=0.8), 6)
    0.056032
    """
    error = _standard_error(deviation, units_per_arm, ratio)
    check_power(power, alpha)
    # more than this the effect never is: either quantile alone would do with one tail
    enough = -distributions.quantile(alpha / 2.0) + abs(distributions.quantile(power)) + 1.0
    return error * roots.rising(lambda shift: _rejection(shift, alpha) - power, 0.0, enough)


def check_power(power: float, alpha: float) -> None:
    """Raises ValueError unless 0 < alpha < power < 1."""
    fixed.check_alpha(alpha)
    if not alpha < power < 1.0:
        raise ValueError(f"power must be over alpha ({alpha}) and under 1, not {power}")


def _rejection(shift: float, alpha: float) -> float:
    z = distributions.quantile(alpha / 2.0)
    return distributions.below(z + shift) + distributions.below(z - shift)


def _standard_error(deviation: float, units_per_arm: float, ratio: float) -> float:
    if not (0.0 < deviation < math.inf and units_per_arm > 0.0 and ratio > 0.0):
        raise ValueError(f"must be positive: {deviation=}, {units_per_arm=}, {ratio=}")
    return deviation * math.sqrt((1.0 + 1.0 / ratio) / units_per_arm)
