"""Count, mean and spread of a sample, as a value that adds up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from experiment_svc.stats import sums


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and centred sum of squares.

    The centred sum is kept, and not the sum of squares, because
    `sum_sq - n * mean**2` loses every digit when the mean is large beside the
    spread (epoch milliseconds, say).

    Attributes:
        count: number of values, at least 0.
        mean: in the metric's unit; 0 if `count` is 0.
        m2: sum of `(value - mean)**2`, in that unit squared; 0 if `count` is 0.
            Infinite where it does not fit a float, as for values of 1e300.
    """

    count: int = 0
    mean: float = 0.0
    m2: float = 0.0

    def __post_init__(self) -> None:
        if self.count < 0 or self.m2 < 0.0:
            raise ValueError(f"count and m2 must not be negative: {self}")
        if self.count == 0 and (self.mean, self.m2) != (0.0, 0.0):
            raise ValueError(f"no values have neither mean nor spread: {self}")

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Self:
        """Summarises one batch.

        Args:
            values: shape (n,), n >= 0, in the metric's unit; all finite.

        Raises:
            ValueError: if `values` is not one-dimensional, or not finite.

        >>> Moments.of([1.0, 2.0, 3.0])
        Moments(count=3, mean=2.0, m2=2.0)
        """
        array = np.asarray(values, dtype=np.float64)
        if array.ndim != 1:
            raise ValueError(f"values must have one dimension, not {array.ndim}")
        if not np.isfinite(array).all():
            raise ValueError("values must be finite")
        if array.size == 0:
            return cls()
        with np.errstate(over="ignore"):  # what overflows is infinite, as documented
            mean = array.mean()
            m2 = np.square(array - mean).sum()
        return cls(int(array.size), float(mean), float(m2))

    @classmethod
    def of_sums(cls, count: int, total: float, total_squares: float) -> Self:
        """From the raw sums that other systems keep.

        No digit is lost here, but raw sums have lost some already where the mean is
        large beside the spread.

        Args:
            count: number of values, at least 0.
            total: their sum, finite.
            total_squares: sum of their squares, finite, at least `total**2 / count`.

        Raises:
            ValueError: if no values have these sums.

        >>> Moments.of_sums(3, 6.0, 14.0)
        Moments(count=3, mean=2.0, m2=2.0)
        """
        if count == 0 and total == total_squares == 0.0:
            return cls()
        m2 = sums.centred_square(count, total, total_squares)
        return cls(count, total / count, m2)

    @classmethod
    def of_variance(cls, count: int, mean: float, variance: float) -> Self:
        """From a sample variance.

        Args:
            count: number of values, at least 2.
            mean: finite.
            variance: unbiased (ddof 1), at least 0, finite.

        Raises:
            ValueError: if one is out of range.

        >>> Moments.of_variance(3, 2.0, 1.0)
        Moments(count=3, mean=2.0, m2=2.0)
        """
        if count < 2 or not (math.isfinite(mean) and 0.0 <= variance < math.inf):
            raise ValueError(f"no {count} values have mean {mean} and variance {variance}")
        return cls(count, mean, variance * (count - 1))

    @classmethod
    def of_deviation(cls, count: int, mean: float, deviation: float) -> Self:
        """From a sample standard deviation; as `of_variance`.

        >>> Moments.of_deviation(3, 2.0, 1.0)
        Moments(count=3, mean=2.0, m2=2.0)
        """
        if deviation < 0.0:
            raise ValueError(f"a standard deviation is not negative: {deviation}")
        return cls.of_variance(count, mean, deviation * deviation)

    def __add__(self, other: Moments) -> Moments:
        """Moments of both samples together (Chan, Golub and LeVeque 1983).

        >>> Moments.of([1.0, 2.0]) + Moments.of([3.0])
        Moments(count=3, mean=2.0, m2=2.0)
        """
        if not self.count:
            return other
        if not other.count:
            return self
        count = self.count + other.count
        delta = other.mean - self.mean
        share = other.count / count
        return Moments(
            count,
            self.mean + delta * share,
            self.m2 + other.m2 + delta * delta * self.count * share,
        )

    @property
    def variance(self) -> float | None:
        """Unbiased sample variance (ddof 1); None for fewer than two values.

        >>> Moments.of([1.0, 2.0, 3.0]).variance
        1.0
        """
        return self.m2 / (self.count - 1) if self.count >= 2 else None
