"""The effect relative to the control's mean, with a standard error. For display.

Decisions rest on the absolute difference: a ratio of two estimates is skewed, and
means nothing when the control's mean may be 0.
"""

from __future__ import annotations

import math

from experiment_svc.stats import difference
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

NO_BASELINE = Undefined("the control's mean is 0")


def taylor(control: Moments, treatment: Moments) -> Difference | Undefined:
    """Effect over the magnitude of the control's mean, by the delta method.

    `Var = v_t / (n_t m_c^2) + v_c m_t^2 / (n_c m_c^4)`: Deng, Knoblich and Lu,
    "Applying the delta method in metric analytics", KDD 2018.

    Returns:
        Effect and standard error as fractions (0.1 is 10 %). `Undefined` with fewer
        than two values in an arm, or if the control's mean is 0.

    >>> taylor(Moments.of([1.0, 3.0]), Moments.of([2.0, 6.0]))
    Difference(effect=1.0, standard_error=1.4142135623730951, count=4)
    """
    measured = difference.plain(control, treatment)
    if isinstance(measured, Undefined):
        return measured
    return _scaled(measured.effect, control, treatment, baseline=control.mean, seen=treatment.mean)


def taylor_adjusted(
    control: JointMoments, treatment: JointMoments, *, theta: float
) -> Difference | Undefined:
    """As `taylor` after CUPED, relative to the control's mean as it was.

    The adjusted difference over m_c moves with the control's units by
    `-(m_t / m_c y - theta x) / m_c`, to first order: their covariate has the mean
    of the treatment's by randomisation.

    Args:
        control: (outcome, covariate) of each unit, likewise `treatment`.
        theta: as `cuped.means` found it.

    Returns:
        As `taylor`.

    >>> arms = JointMoments.of([[1.0, 0.0], [3.0, 1.0]]), JointMoments.of([[2.0, 1.0], [6.0, 0.0]])
    >>> taylor_adjusted(*arms, theta=0.0) == taylor(arms[0].moments(0), arms[1].moments(0))
    True
    """
    baseline, seen = control.means[0], treatment.means[0]
    if baseline == 0.0:
        return NO_BASELINE
    shifted = theta * (treatment.means[1] - control.means[1])
    if not math.isfinite(seen / baseline):
        return difference.TOO_LARGE
    return _scaled(
        seen - baseline - shifted,
        control.combined([seen / baseline, -theta]),
        treatment.combined([1.0, -theta]),
        baseline=baseline,
        seen=baseline,
    )


def _scaled(
    effect: float, control: Moments, treatment: Moments, *, baseline: float, seen: float
) -> Difference | Undefined:
    """The effect over |baseline|, the control's deviations weighing seen / baseline."""
    if baseline == 0.0:
        return NO_BASELINE
    control_variance, treatment_variance = control.variance, treatment.variance
    if control_variance is None or treatment_variance is None:
        return Undefined(f"fewer than {difference.MIN_UNITS} units with a value in an arm")
    scale = abs(baseline)
    error = math.hypot(
        math.sqrt(treatment_variance / treatment.count) / scale,
        math.sqrt(control_variance / control.count) / scale * (seen / baseline),
    )
    if not (math.isfinite(effect / scale) and math.isfinite(error)):
        return Undefined("the control's mean is too close to 0")
    return Difference(effect / scale, error, control.count + treatment.count)
