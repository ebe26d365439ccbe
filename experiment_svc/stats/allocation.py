"""Shares of the traffic by Thompson sampling.

Each arm gets the probability that it is the best (`best_arm`), mixed with an equal
share: `f + (1 - K f) w`. That keeps every arm's propensity at f or more, which later
analysis divides by, and leaves the order and the sum as they are; to clip and to divide
by the sum again would take the floor away from some. Data that came so are not an
ordinary sample: report the probabilities and the regret, no p-values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiment_svc.stats import best_arm
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.proportions import Proportion

SUM_TOLERANCE = 1e-6


def with_floor(weights: Sequence[float], *, floor: float) -> list[float]:
    """`f + (1 - K f) w` for each of K weights.

    Args:
        weights: at least 0, summing to 1 within 1e-6.
        floor: least share of an arm, 0 to 1 / K.

    Returns:
        Shares with the same sum.

    Raises:
        ValueError: if one is out of range.

    >>> with_floor([0.0, 1.0], floor=0.1)
    [0.1, 0.9]
    """
    count = len(weights)
    if not all(weight >= 0.0 for weight in weights) or not math.isclose(
        math.fsum(weights), 1.0, rel_tol=0.0, abs_tol=SUM_TOLERANCE
    ):
        raise ValueError(f"weights must not be negative and must sum to 1: {list(weights)}")
    if not 0.0 <= count * floor <= 1.0 + SUM_TOLERANCE:
        raise ValueError(f"floor must be 0 to 1/{count}, not {floor}")
    return [floor + (1.0 - count * floor) * weight for weight in weights]


def thompson_rates(arms: Sequence[Proportion], *, floor: float) -> list[float]:
    """Shares for arms with a rate of successes, from a flat prior.

    Args:
        arms: what was seen so far; no units at all is allowed.
        floor: as for `with_floor`.

    Raises:
        ValueError: if there is no arm, or `floor` is out of range.

    >>> thompson_rates([Proportion(), Proportion()], floor=0.05)
    [0.5, 0.5]
    """
    posteriors = [(1.0 + arm.successes, 1.0 + arm.count - arm.successes) for arm in arms]
    return with_floor(best_arm.of_betas(posteriors), floor=floor)


def thompson_means(arms: Sequence[Moments], *, floor: float) -> list[float]:
    """Shares for arms with a mean, taken as normal around it, without a prior.

    Until every arm has two values that vary, which a belief about its mean needs,
    the shares are equal.

    Raises:
        ValueError: if there is no arm, or `floor` is out of range.
    """
    if not arms:
        raise ValueError("there must be an arm")
    variances = [arm.variance for arm in arms]
    if not all(variance and math.isfinite(variance) for variance in variances):
        return with_floor([1.0 / len(arms)] * len(arms), floor=floor)
    deviations = [
        math.sqrt((variance or 0.0) / arm.count)
        for variance, arm in zip(variances, arms, strict=True)
    ]
    return with_floor(best_arm.of_normals([arm.mean for arm in arms], deviations), floor=floor)
