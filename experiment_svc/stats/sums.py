"""Centred sums out of raw ones, without the cancellation.

`sum_xy - sum_x sum_y / n` subtracts two numbers that may agree in all their
leading digits. Rational arithmetic makes the subtraction exact, so that what is
lost was lost when the raw sums were rounded, and no more.
"""

from __future__ import annotations

import math
from fractions import Fraction

ROUNDING = 1e-9
"""How far below 0 a centred square may come out, relative to the raw sum, for its rounding."""


def centred_product(count: int, total_x: float, total_y: float, total_products: float) -> float:
    """Sum of `(x - mean x)(y - mean y)`.

    Args:
        count: pairs, at least 1.
        total_x: sum of x, finite; `total_y` likewise.
        total_products: sum of x y, finite.

    Raises:
        ValueError: if `count` is under 1, or a sum is not finite.

    >>> centred_product(2, 2.0 * 2**53 + 2.0, 2.0, 2.0 * 2**53 + 2.0)
    0.0
    """
    if count < 1 or not all(map(math.isfinite, (total_x, total_y, total_products))):
        raise ValueError(f"no {count} values have the sums {total_x}, {total_y}, {total_products}")
    exact = Fraction(total_products) - Fraction(total_x) * Fraction(total_y) / count
    return float(exact)


def centred_square(count: int, total: float, total_squares: float) -> float:
    """Sum of `(x - mean)**2`; never negative.

    Raises:
        ValueError: as `centred_product`, or if it would be below 0 by more than
            `ROUNDING` of the sum of squares.

    >>> centred_square(3, 6.0, 14.0)
    2.0
    """
    square = centred_product(count, total, total, total_squares)
    if square < -ROUNDING * abs(total_squares):
        raise ValueError(f"no {count} values have sum {total} and sum of squares {total_squares}")
    return max(0.0, square)
