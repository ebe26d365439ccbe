"""Welch's t-test: two means, each arm with its own variance. For one look.

Welch, "The generalization of Student's problem when several different population
variances are involved", Biometrika 1947; degrees of freedom by Satterthwaite 1946.
Ratios and adjusted means come as `Moments` too (`ratio`, `cuped`, `quantile`).
"""

from __future__ import annotations

import math

from experiment_svc.stats import difference, fixed, relative
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import Alternative, FixedTest
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

LARGEST_LOG = 709.0
"""Logarithm of what still fits a float."""


def degrees(control: Moments, treatment: Moments) -> float | Undefined:
    """Satterthwaite's degrees of freedom: `se^4 / sum (v / n)^2 / (n - 1)`.

    Returns:
        At least 1. `Undefined` with fewer than two values in an arm, or if no value
        varies.

    >>> round(degrees(Moments.of([1.0, 3.0]), Moments.of([4.0, 6.0])), 12)
    2.0
    """
    found = difference.plain(control, treatment)
    if isinstance(found, Undefined):
        return found
    if found.standard_error == 0.0:
        return fixed.NO_SPREAD
    # as shares of se^2, so that neither tiny nor huge variances leave the range of floats
    square = found.standard_error * found.standard_error
    parts = [
        (arm.m2 / (arm.count - 1) / arm.count / square) ** 2 / (arm.count - 1)
        for arm in (control, treatment)
    ]
    return 1.0 / sum(parts) if square > 0.0 else fixed.NO_SPREAD


def absolute(
    control: Moments,
    treatment: Moments,
    *,
    alpha: float,
    alternative: Alternative = Alternative.TWO_SIDED,
) -> FixedTest | Undefined:
    """Tests the difference of the means.

    Args:
        alpha: error rate, over 0 and under 1.

    Returns:
        In the metric's unit. `Undefined` with fewer than two values in an arm, or if
        no value varies.

    Raises:
        ValueError: if `alpha` is out of range.
    """
    measured = difference.plain(control, treatment)
    return judge(measured, control, treatment, alpha=alpha, alternative=alternative)


def taylor(
    control: Moments,
    treatment: Moments,
    *,
    alpha: float,
    alternative: Alternative = Alternative.TWO_SIDED,
) -> FixedTest | Undefined:
    """Tests the effect relative to the control's mean (`relative.taylor`). For display.

    Returns:
        As fractions. `Undefined` as `absolute`, and if the control's mean is 0.

    Raises:
        ValueError: if `alpha` is out of range.
    """
    measured = relative.taylor(control, treatment)
    return judge(measured, control, treatment, alpha=alpha, alternative=alternative)


def logarithmic(
    control: Moments,
    treatment: Moments,
    *,
    alpha: float,
    alternative: Alternative = Alternative.TWO_SIDED,
) -> FixedTest | Undefined:
    """Tests the logarithm of the ratio of the means, which is less skewed than the ratio.

    By the delta method `Var = v_t / (n_t m_t^2) + v_c / (n_c m_c^2)`; the degrees of
    freedom are Satterthwaite's of those variances.

    Returns:
        Effect and interval as fractions of the control's mean (0.1 is 10 %);
        standard error and statistic of the logarithm. `Undefined` as `absolute`, and
        unless both means have the same sign.

    Raises:
        ValueError: if `alpha` is out of range.
    """
    least, most = sorted((control.mean, treatment.mean))
    if not (least > 0.0 or most < 0.0):
        return Undefined("the means of the arms do not have the same sign")
    own = [Moments(arm.count, 1.0, arm.m2 / arm.mean / arm.mean) for arm in (control, treatment)]
    spread = difference.plain(own[0], own[1])
    if isinstance(spread, Undefined):
        return spread
    log_ratio = math.log(abs(treatment.mean)) - math.log(abs(control.mean))
    if log_ratio > LARGEST_LOG:
        return difference.TOO_LARGE
    measured = Difference(log_ratio, spread.standard_error, spread.count)
    found = judge(measured, own[0], own[1], alpha=alpha, alternative=alternative)
    if isinstance(found, Undefined):
        return found
    return FixedTest(
        effect=math.expm1(found.effect),
        standard_error=found.standard_error,
        lower=math.expm1(found.lower),
        upper=math.inf if found.upper > LARGEST_LOG else math.expm1(found.upper),
        statistic=found.statistic,
        degrees=found.degrees,
        p_value=found.p_value,
    )


def judge(
    measured: Difference | Undefined,
    control: Moments,
    treatment: Moments,
    *,
    alpha: float,
    alternative: Alternative = Alternative.TWO_SIDED,
) -> FixedTest | Undefined:
    """Tests an effect that was measured already, by the degrees of freedom of its arms.

    Returns:
        In the effect's unit. `Undefined` if `measured` is, and as `degrees`.

    Raises:
        ValueError: if `alpha` is out of range.
    """
    fixed.check_alpha(alpha)
    if isinstance(measured, Undefined):
        return measured
    freedom = degrees(control, treatment)
    if isinstance(freedom, Undefined):
        return freedom
    return fixed.judge(measured, alpha=alpha, alternative=alternative, degrees=freedom)
