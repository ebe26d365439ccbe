"""Roots of monotone functions."""

from __future__ import annotations

from collections.abc import Callable


def falling(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls passes 0, to the last bit, by bisection.

    Args:
        function: does not rise from `low` to `high`; may be infinite.

    Returns:
        `low` if it is not positive there, `high` if it is positive still there.

    >>> round(falling(lambda x: 2.0 - x * x, 0.0, 2.0), 12)
    1.414213562373
    """
    if not function(low) > 0.0:
        return low
    if function(high) > 0.0:
        return high
    while True:
        middle = low + (high - low) / 2.0
        if not low < middle < high:
            return middle
        if function(middle) > 0.0:
            low = middle
        else:
            high = middle


def rising(function: Callable[[float], float], low: float, high: float) -> float:
    """As `falling`, for a function that rises.

    >>> round(rising(lambda x: x * x - 2.0, 0.0, 2.0), 12)
    1.414213562373
    """
    return falling(lambda value: -function(value), low, high)
