"""Several values of each unit together, as a value that adds up.

A numerator and its denominator, an outcome and its covariate, or both pairs: what
the delta method and CUPED need is counts, means and the centred products of all
pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from experiment_svc.stats import sums
from experiment_svc.stats.moments import Moments

Row = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class JointMoments:
    """Count, means and centred products of k values per unit.

    Attributes:
        count: units, at least 0.
        means: length k, each in its value's unit; zeros if `count` is 0.
        products: k rows of k: sum of `(a - mean a)(b - mean b)`; symmetric, with
            a diagonal of at least 0; zeros if `count` is 0. Not finite where they
            do not fit a float, as for values of 1e300.
    """

    count: int
    means: Row
    products: tuple[Row, ...]

    def __post_init__(self) -> None:
        size = len(self.means)
        if self.count < 0 or size == 0:
            raise ValueError(f"count must not be negative, and there must be values: {self}")
        if len(self.products) != size or any(len(row) != size for row in self.products):
            raise ValueError(f"{size} means need {size} rows of {size} products: {self}")
        if any(row[index] < 0.0 for index, row in enumerate(self.products)):
            raise ValueError(f"a sum of squares is negative: {self}")
        products = np.asarray(self.products)
        if not np.array_equal(products, products.T, equal_nan=True):
            raise ValueError(f"products are not symmetric: {self}")

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Self:
        """Summarises one batch.

        Args:
            values: shape (n, k), n >= 0, k >= 1: a row per unit; all finite.

        Raises:
            ValueError: if `values` has another shape, or is not finite.

        >>> JointMoments.of([[1.0, 2.0], [3.0, 6.0]])
        JointMoments(count=2, means=(2.0, 4.0), products=((2.0, 4.0), (4.0, 8.0)))
        """
        array = np.asarray(values, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] == 0:
            raise ValueError(f"values must have the shape (n, k), not {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError("values must be finite")
        size = array.shape[1]
        if array.shape[0] == 0:
            return cls.empty(size)
        with np.errstate(over="ignore", invalid="ignore"):  # is not finite, as documented
            means = array.mean(axis=0)
            centred = array - means
            return cls._of_matrix(array.shape[0], means, centred.T @ centred)

    @classmethod
    def empty(cls, size: int) -> Self:
        """Of no units, `size` values each.

        >>> JointMoments.empty(1)
        JointMoments(count=0, means=(0.0,), products=((0.0,),))
        """
        return cls(0, (0.0,) * size, ((0.0,) * size,) * size)

    @classmethod
    def of_single(cls, moments: Moments) -> Self:
        """Of one value per unit.

        >>> JointMoments.of_single(Moments.of([1.0, 3.0]))
        JointMoments(count=2, means=(2.0,), products=((2.0,),))
        """
        return cls(moments.count, (moments.mean,), ((moments.m2,),))

    @classmethod
    def of_sums(
        cls, count: int, totals: Sequence[float], total_products: Sequence[Sequence[float]]
    ) -> Self:
        """From raw sums and sums of products, the diagonal being the sums of squares.

        Args:
            count: units, at least 1.
            totals: length k, finite.
            total_products: k rows of k, symmetric, finite.

        Raises:
            ValueError: if no values have these sums.

        >>> JointMoments.of_sums(2, [4.0, 8.0], [[10.0, 20.0], [20.0, 40.0]])
        JointMoments(count=2, means=(2.0, 4.0), products=((2.0, 4.0), (4.0, 8.0)))
        """
        products = [
            [
                sums.centred_square(count, x, product)
                if i == j
                else sums.centred_product(count, x, y, product)
                for j, (y, product) in enumerate(zip(totals, row, strict=True))
            ]
            for i, (x, row) in enumerate(zip(totals, total_products, strict=True))
        ]
        return cls(count, tuple(x / count for x in totals), tuple(map(tuple, products)))

    @classmethod
    def of_covariances(
        cls, count: int, means: Sequence[float], covariances: Sequence[Sequence[float]]
    ) -> Self:
        """From means and unbiased (ddof 1) covariances of at least two units.

        Raises:
            ValueError: if there are fewer than two units, or shapes do not agree.

        >>> JointMoments.of_covariances(3, [2.0], [[1.0]]).products
        ((2.0,),)
        """
        if count < 2:
            raise ValueError(f"{count} units have no covariance")
        degrees = count - 1
        products = tuple(tuple(degrees * one for one in row) for row in covariances)
        return cls(count, tuple(means), products)

    @classmethod
    def _of_matrix(
        cls, count: int, means: npt.NDArray[np.float64], products: npt.NDArray[np.float64]
    ) -> Self:
        # B C B' is symmetric and not negative on its diagonal but for rounding
        even = (products + products.T) / 2.0
        np.fill_diagonal(even, np.maximum(even.diagonal(), 0.0))
        return cls(count, tuple(means.tolist()), tuple(map(tuple, even.tolist())))

    def __add__(self, other: JointMoments) -> JointMoments:
        """Moments of both samples together (Chan, Golub and LeVeque 1983).

        Raises:
            ValueError: if the two hold another number of values per unit.

        >>> JointMoments.of([[1.0], [2.0]]) + JointMoments.of([[3.0]])
        JointMoments(count=3, means=(2.0,), products=((2.0,),))
        """
        if len(self.means) != len(other.means):
            raise ValueError(f"{len(self.means)} values per unit cannot join {len(other.means)}")
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        share = other.count / count
        with np.errstate(over="ignore", invalid="ignore"):  # is not finite, as documented
            delta = np.subtract(other.means, self.means)
            products = np.add(self.products, other.products)
            products += np.outer(delta, delta) * (self.count * share)
            return JointMoments._of_matrix(count, np.add(self.means, delta * share), products)

    def moments(self, index: int) -> Moments:
        """Of one of the values.

        >>> JointMoments.of([[1.0, 2.0], [3.0, 6.0]]).moments(1)
        Moments(count=2, mean=4.0, m2=8.0)
        """
        return Moments(self.count, self.means[index], self.products[index][index])

    def mapped(self, weights: Sequence[Sequence[float]], means: Sequence[float]) -> JointMoments:
        """Of linear functions of the values, moved to other means.

        Args:
            weights: a row of k weights for each new value.
            means: of the new values; a delta method sets them to the true estimates.

        >>> JointMoments.of([[1.0, 2.0], [3.0, 6.0]]).mapped([[3.0, -1.0]], [7.0])
        JointMoments(count=2, means=(7.0,), products=((2.0,),))
        """
        matrix = np.asarray(weights, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):  # is not finite, as documented
            products = matrix @ np.asarray(self.products) @ matrix.T
            return JointMoments._of_matrix(self.count, np.asarray(means, np.float64), products)

    def combined(self, weights: Sequence[float]) -> Moments:
        """Of one weighted sum of the values.

        >>> JointMoments.of([[1.0, 2.0], [3.0, 6.0]]).combined([1.0, 1.0])
        Moments(count=2, mean=6.0, m2=18.0)
        """
        mean = math.fsum(w * m for w, m in zip(weights, self.means, strict=True))
        return self.mapped([weights], [mean]).moments(0)
