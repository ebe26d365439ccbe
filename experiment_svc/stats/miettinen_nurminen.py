"""Score interval of the difference of two shares.

Miettinen and Nurminen, "Comparative analysis of two rates", Statistics in Medicine
1985: the differences that a score test does not reject. For a difference D the
test's variance comes from the likeliest shares p and p + D, times N / (N - 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from experiment_svc.stats import distributions, fixed, roots
from experiment_svc.stats.proportions import NO_UNITS, Proportion
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined

LikeliestShare = Callable[[Proportion, Proportion, float], float]
"""The control's likeliest share, given both arms and the difference of the shares."""


def interval(
    control: Proportion,
    treatment: Proportion,
    *,
    alpha: float,
    likeliest: LikeliestShare | None = None,
) -> Interval | Undefined:
    """The differences, treatment minus control, that are not rejected.

    Args:
        alpha: two-sided error rate, over 0 and under 1.
        likeliest: another way to the share of the control, to compare with programs
            that have one; None for the exact `likeliest_share`.

    Returns:
        -1 to 1. `Undefined` without units in an arm.

    Raises:
        ValueError: if `alpha` is out of range.

    >>> found = interval(Proportion(34, 1), Proportion(34, 7), alpha=0.05)
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.027, 0.3453)
    """
    fixed.check_alpha(alpha)
    if not control.count or not treatment.count:
        return NO_UNITS
    z = -distributions.quantile(alpha / 2.0)
    share = likeliest or likeliest_share

    def score_of(gap: float) -> float:
        return score(control, treatment, gap, share(control, treatment, gap))

    observed = treatment.successes / treatment.count - control.successes / control.count
    # the score falls as the difference rises, past z below the observed one and -z above
    return Interval(
        roots.falling(lambda gap: score_of(gap) - z, -1.0, observed),
        roots.falling(lambda gap: score_of(gap) + z, observed, 1.0),
    )


def score(control: Proportion, treatment: Proportion, gap: float, share: float) -> float:
    """Standard scores by which the observed difference exceeds `gap`.

    Args:
        control: at least one unit; likewise `treatment`.
        gap: treatment minus control, -1 to 1.
        share: of the control, 0 to 1, the treatment's being `share + gap`.
    """
    treated = share + gap
    observed = treatment.successes / treatment.count - control.successes / control.count
    total = control.count + treatment.count
    variance = share * (1.0 - share) / control.count + treated * (1.0 - treated) / treatment.count
    excess = observed - gap
    if excess == 0.0:
        return 0.0
    if variance <= 0.0:
        return math.copysign(math.inf, excess)
    return excess / math.sqrt(variance * (total / (total - 1)))


def likeliest_share(control: Proportion, treatment: Proportion, gap: float) -> float:
    """The control's likeliest share if the treatment's is greater by `gap`.

    The root of the slope of the log-likelihood, which falls; by bisection, and not by
    the closed form of the cubic, which cancels when events are rare.
    """
    control_failures = control.count - control.successes
    treatment_failures = treatment.count - treatment.successes

    def slope(share: float) -> float:
        treated = share + gap
        return (
            _over(control.successes, share)
            - _over(control_failures, 1.0 - share)
            + _over(treatment.successes, treated)
            - _over(treatment_failures, 1.0 - treated)
        )

    return roots.falling(slope, max(0.0, -gap), min(1.0, 1.0 - gap))


def _over(count: int, share: float) -> float:
    if not count:
        return 0.0
    return count / share if share > 0.0 else math.inf
