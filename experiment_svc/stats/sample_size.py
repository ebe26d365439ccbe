"""How many units an experiment needs.

All answers are exact numbers of units; round them up. With CUPED (`cuped`) they shrink
by `1 - correlation^2`.
"""

from __future__ import annotations

import math

from experiment_svc.stats import distributions, roots, sequence
from experiment_svc.stats.power import check_power

FEWEST = 2.0
"""Units without which an arm has no variance."""


def mean_by_t(
    *, mde: float, deviation: float, alpha: float, power: float, ratio: float = 1.0
) -> float:
    """Units of the control for Student's two-sided t-test with equal variances.

    Solves the power of the noncentral t (Cohen 1988, chapter 2).

    Args:
        mde: difference of the means to be found, in the metric's unit, not 0.
        deviation: standard deviation of one unit, in that unit, positive.
        alpha: two-sided error rate, over 0 and under 1.
        power: probability of finding it, over `alpha` and under 1.
        ratio: the treatment's units over the control's, positive.

    Returns:
        At least 2 units in either arm.

    Raises:
        ValueError: if one is out of range.

    >>> round(mean_by_t(mde=0.5, deviation=1.0, alpha=0.05, power=0.8), 2)
    63.77
    """
    if not 0.0 < ratio < math.inf:
        raise ValueError(f"ratio must be positive, not {ratio}")
    size = _standardised(mde, deviation)
    check_power(power, alpha)
    normal = (1.0 + 1.0 / ratio) * _squared_shift(alpha, power) / size**2
    fewest = FEWEST * max(1.0, 1.0 / ratio)

    def excess(control: float) -> float:
        degrees = control * (1.0 + ratio) - 2.0
        shift = size * math.sqrt(control / (1.0 + 1.0 / ratio))
        critical = -distributions.quantile(alpha / 2.0, degrees)
        return distributions.noncentral_beyond(critical, degrees, shift) - power

    # t needs about z^2 / 4 units more than the normal (Guenther 1981)
    spare = distributions.quantile(alpha / 2.0) ** 2 * (1.0 + 1.0 / ratio)
    return roots.rising(excess, fewest, fewest + 2.0 * normal + spare)


def mean_total(
    *, variance: float, mde: float, alpha: float, power: float, two_sided: bool = True
) -> float:
    """Units of two equal arms together, by the normal: `4 v (z_a + z_power)^2 / mde^2`.

    Args:
        variance: of one unit, positive; for a share `p (1 - p)` of the baseline.
        mde: difference to be found, in the metric's unit, not 0.
        alpha: error rate, on both sides together or on one, over 0 and under 1.
        power: over `alpha` and under 1.

    Raises:
        ValueError: if one is out of range.

    >>> round(mean_total(variance=400.0, mde=1.0, alpha=0.05, power=0.8))
    12558
    """
    size = _standardised(mde, math.sqrt(variance) if variance > 0.0 else 0.0)
    check_power(power, alpha)
    return 4.0 * _squared_shift(alpha, power, two_sided=two_sided) / size**2


def share_total(
    *, baseline: float, mde: float, alpha: float, power: float, two_sided: bool = True
) -> float:
    """Units of two equal arms together for a share, both with the baseline's variance.

    `4 p (1 - p) (z_a + z_power)^2 / mde^2` (Duflo, Glennerster and Kremer 2007).

    Args:
        baseline: the control's share, over 0 and under 1; the others as `mean_total`.

    Raises:
        ValueError: if one is out of range.

    >>> round(share_total(baseline=0.1, mde=0.01, alpha=0.05, power=0.8))
    28256
    """
    if not 0.0 < baseline < 1.0:
        raise ValueError(f"baseline must be over 0 and under 1, not {baseline}")
    variance = baseline * (1.0 - baseline)
    return mean_total(variance=variance, mde=mde, alpha=alpha, power=power, two_sided=two_sided)


def share_per_arm(
    *, baseline: float, mde: float, alpha: float, power: float, two_sided: bool = True
) -> float:
    """Units of each of two equal arms for the pooled z-test of two shares.

    `(z_a sqrt(2 p (1 - p)) + z_power sqrt(p_c q_c + p_t q_t))^2 / mde^2` with p the mean
    of both shares (Fleiss, Levin and Paik 2003, section 4.2, uncorrected).

    Args:
        baseline: the control's share, over 0 and under 1.
        mde: difference to be found, not 0; `baseline + mde` is 0 to 1 too.
        alpha: error rate, on both sides together or on one, over 0 and under 1.
        power: over `alpha` and under 1.

    Raises:
        ValueError: if one is out of range.

    >>> round(share_per_arm(baseline=0.1, mde=0.01, alpha=0.05, power=0.8), 2)
    14750.79
    """
    other = baseline + mde
    if not (0.0 < baseline < 1.0 and 0.0 <= other <= 1.0 and mde != 0.0):
        raise ValueError(f"no two shares differ so: {baseline=}, {mde=}")
    check_power(power, alpha)
    mean = (baseline + other) / 2.0
    pooled = math.sqrt(2.0 * mean * (1.0 - mean))
    apart = math.sqrt(baseline * (1.0 - baseline) + other * (1.0 - other))
    z = -distributions.quantile(alpha / 2.0 if two_sided else alpha)
    return ((z * pooled + distributions.quantile(power) * apart) / mde) ** 2


def sequential_total(
    *, variance: float, mde: float, alpha: float, power: float, treatment_share: float = 0.5
) -> float:
    """Units of both arms together until a confidence sequence excludes 0.

    For a sequence that is tightest at the answer (`optimal_units`): half its width there
    plus `z_power` standard errors are `mde`. Looking earlier only adds to the power.

    Args:
        variance: of one unit, positive, the same in both arms.
        mde: difference to be found, in the metric's unit, not 0.
        alpha: two-sided error rate of the sequence, 1e-100 to 0.5.
        power: over `alpha` and under 1.
        treatment_share: of the units, over 0 and under 1.

    Raises:
        ValueError: if one is out of range.

    >>> round(sequential_total(variance=9.0, mde=0.12, alpha=0.05, power=0.8))
    37573
    """
    if not 0.0 < treatment_share < 1.0:
        raise ValueError(f"treatment_share must be over 0 and under 1, not {treatment_share}")
    size = _standardised(mde, math.sqrt(variance) if variance > 0.0 else 0.0)
    check_power(power, alpha)
    tuned = sequence.rho_squared(alpha=alpha, optimal_units=1)
    errors = sequence.half_width(variance=1.0, count=1, alpha=alpha, rho_squared=tuned)
    unit_error = 1.0 / math.sqrt(treatment_share * (1.0 - treatment_share))
    return (unit_error * (errors + distributions.quantile(power)) / size) ** 2


def whole_weeks(units: float, *, units_per_day: float) -> int:
    """Weeks until so many units have come and matured: whole, as weekdays differ.

    Args:
        units: at least 0, finite.
        units_per_day: matured units of all arms, positive.

    Raises:
        ValueError: if one is out of range.

    >>> whole_weeks(15_000, units_per_day=1_000)
    3
    """
    if not (0.0 <= units < math.inf and units_per_day > 0.0):
        raise ValueError(f"out of range: {units=}, {units_per_day=}")
    return max(1, math.ceil(units / units_per_day / 7.0))


def after_cuped(units: float, *, correlation: float) -> float:
    """Units with a covariate: `(1 - correlation^2)` times as many.

    Args:
        correlation: of outcome and covariate, -1 to 1.

    Raises:
        ValueError: if `correlation` is out of range.

    >>> after_cuped(1_000.0, correlation=0.6)
    640.0
    """
    if not -1.0 <= correlation <= 1.0:
        raise ValueError(f"correlation must be -1 to 1, not {correlation}")
    return units * (1.0 - correlation * correlation)


def _standardised(mde: float, deviation: float) -> float:
    if not (0.0 < deviation < math.inf and 0.0 < abs(mde) < math.inf):
        raise ValueError(f"mde must not be 0, the spread must be positive: {mde=}, {deviation=}")
    return abs(mde) / deviation


def _squared_shift(alpha: float, power: float, *, two_sided: bool = True) -> float:
    tail = alpha / 2.0 if two_sided else alpha
    return (distributions.quantile(power) - distributions.quantile(tail)) ** 2
