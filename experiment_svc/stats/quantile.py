"""Quantiles, such as the 99th percentile of the latency. For one look.

For decisions prefer the share of units over a limit: that is a count, exact and
always valid. Values of the same unit are not independent; give one value per unit.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiment_svc.stats import distributions, fixed
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined

BOUNDS_ALPHA = 0.05
"""Error rate of the bounds in `QuantileBounds`."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """Order statistics around a quantile, counted from 1, the smallest value.

    Attributes:
        lower: None if there are too few values for a lower end.
        upper: likewise.
    """

    lower: int | None
    upper: int | None


def ranks(count: int, *, quantile: float, alpha: float) -> Ranks:
    """Which order statistics hold the quantile between them (Conover 1999, section 3.2).

    The number of values under the true quantile is binomial (n, q), whatever the
    distribution; so with L its alpha / 2 quantile and U the smallest number that it
    exceeds with at most alpha / 2, the true quantile is below the L-th value, or above
    the (U + 1)-th, each with probability at most alpha / 2.

    Args:
        count: values, at least 0.
        quantile: over 0 and under 1.
        alpha: two-sided error rate, over 0 and under 1.

    Raises:
        ValueError: if one is out of range.

    >>> ranks(501, quantile=0.5, alpha=0.05)
    Ranks(lower=229, upper=273)
    """
    fixed.check_alpha(alpha)
    if count < 0 or not 0.0 < quantile < 1.0:
        raise ValueError(f"no quantile {quantile} of {count} values")
    tail, numbers = alpha / 2.0, range(count + 1)

    def up_to(successes: int) -> float:
        return distributions.binomial_up_to(successes, count, quantile)

    def not_over(successes: int) -> float:  # negated, as bisect wants what rises
        return -distributions.binomial_over(successes, count, quantile)

    lower = bisect.bisect_left(numbers, tail, key=up_to)
    above = bisect.bisect_left(numbers, -tail, key=not_over)
    return Ranks(lower or None, above + 1 if above < count else None)


def interval(values: npt.ArrayLike, *, quantile: float, alpha: float) -> Interval | Undefined:
    """Interval of a quantile, for any distribution, by order statistics.

    Args:
        values: shape (n,), one per unit, finite.
        quantile: over 0 and under 1.
        alpha: two-sided error rate, over 0 and under 1.

    Returns:
        An end for which there are too few values is infinite. `Undefined` without values.

    Raises:
        ValueError: if one is out of range, or `values` is not one-dimensional and finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError("values must have one dimension and be finite")
    between = ranks(array.size, quantile=quantile, alpha=alpha)
    if array.size == 0:
        return Undefined("no units")
    ordered = np.sort(array)
    return Interval(
        -math.inf if between.lower is None else float(ordered[between.lower - 1]),
        math.inf if between.upper is None else float(ordered[between.upper - 1]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileBounds:
    """An arm's quantile, and its 95 % interval by order statistics.

    Attributes:
        count: units.
        bounds_count: units of which the bounds were found, at least 1; `count`, unless
            they come from a part of the units.
        level: which quantile, over 0 and under 1.
        estimate: the quantile, in the metric's unit.
        lower: 95 % bounds of it.
        upper: at least `lower`.
    """

    count: int
    bounds_count: int
    level: float
    estimate: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if self.count < 0 or self.bounds_count < 1 or not 0.0 < self.level < 1.0:
            raise ValueError(f"units or level out of range: {self}")
        if not self.lower <= self.upper:
            raise ValueError(f"bounds are the wrong way round: {self}")

    @classmethod
    def of(cls, values: npt.ArrayLike, *, level: float) -> QuantileBounds | Undefined:
        """Of an arm's values, shape (n,), finite; `Undefined` if there are too few."""
        found = interval(values, quantile=level, alpha=BOUNDS_ALPHA)
        if isinstance(found, Undefined):
            return found
        if math.isinf(found.lower) or math.isinf(found.upper):
            return TOO_FEW
        array = np.asarray(values, dtype=np.float64)
        return cls(
            count=array.size,
            bounds_count=array.size,
            level=level,
            estimate=float(np.quantile(array, level)),
            lower=found.lower,
            upper=found.upper,
        )

    @property
    def moments(self) -> Moments | Undefined:
        """The quantile as if it were a mean over the units.

        In large samples it is one, of the units' influences on it. Its standard error
        is that of a normal with such bounds, `w = (upper - lower) / (2 z_{97.5 %})`; and
        `v = (n - 1) w^2 n* / n` is the variance per unit, where n* is `bounds_count`
        (Deng, Knoblich and Lu, KDD 2018, section 4; n - 1 as in GrowthBook's gbstats).

        Returns:
            `Undefined` if the units are too few for a normal approximation: at most
            `z^2` times the odds of the level, either way.
        """
        z = -distributions.quantile(BOUNDS_ALPHA / 2.0)
        odds = self.level / (1.0 - self.level)
        if self.count < 2 or self.count <= z * z * max(odds, 1.0 / odds):
            return TOO_FEW
        width = (self.upper - self.lower) / (2.0 * z)
        variance = (self.count - 1) * width * width * (self.bounds_count / self.count)
        return Moments.of_variance(self.count, self.estimate, variance)


TOO_FEW = Undefined("too few units for an interval of the quantile")
