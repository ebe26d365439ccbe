"""Pearson's test that units fall into the arms as the weights say. For one look.

Looked at again and again it alarms without cause; while an experiment runs, the test
is `multinomial`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiment_svc.stats import distributions
from experiment_svc.stats.undefined import Undefined


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """The statistic, its degrees of freedom and its p-value (0 to 1)."""

    statistic: float
    degrees: int
    p_value: float


def sample_ratio(counts: Sequence[int], weights: Sequence[float]) -> ChiSquare | Undefined:
    """Tests counts against weights: `sum (n_i - N w_i)^2 / (N w_i)`.

    Args:
        counts: units by arm, at least 0.
        weights: of the arms, at least 0, in any unit; they are divided by their sum.
            An arm of weight 0 is left out; a count on it contradicts the weights.

    Returns:
        `Undefined` without units, or with fewer than two arms of positive weight.

    Raises:
        ValueError: if lengths differ, or a count or weight is negative or not finite.

    >>> sample_ratio([50_500, 49_500], [0.5, 0.5]).statistic
    10.0
    """
    if len(counts) != len(weights):
        raise ValueError(f"{len(counts)} counts for {len(weights)} weights")
    if not all(count >= 0 for count in counts) or not all(0.0 <= w < math.inf for w in weights):
        raise ValueError("counts and weights must not be negative, and must be finite")
    total, whole = sum(counts), math.fsum(weights)
    arms = [(n, w / whole) for n, w in zip(counts, weights, strict=True) if w > 0.0]
    if len(arms) < 2:
        return Undefined("fewer than two arms should get units")
    if total == 0:
        return Undefined("no units")
    degrees = len(arms) - 1
    if sum(n for n, _ in arms) < total:
        return ChiSquare(math.inf, degrees, 0.0)
    statistic = math.fsum((n - total * w) ** 2 / (total * w) for n, w in arms)
    return ChiSquare(statistic, degrees, distributions.chi_square_above(statistic, degrees))
