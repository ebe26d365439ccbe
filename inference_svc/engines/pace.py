"""How long a model's runs take, and so where to run it."""

from __future__ import annotations

from typing import Final

_WEIGHT: Final = 8
"""The last run counts for one in so many of the estimate."""


class Pace:
    """Learns the duration of runs by the size of their inputs, in powers of two.

    A run that is shorter than handing it to another thread and back is better run
    where one is. It takes a first run of each size elsewhere to know.
    """

    def __init__(self, limit_ns: int) -> None:
        """Calls short what takes less than `limit_ns`; 0 for nothing."""
        self._limit_ns = limit_ns
        self._expected_ns: dict[int, int] = {}

    def is_short(self, elements: int) -> bool:
        """Whether a run on inputs of so many elements is expected to be short.

        >>> pace = Pace(limit_ns=100)
        >>> pace.took(4, 50)
        >>> pace.is_short(5), pace.is_short(500)
        (True, False)
        """
        expected_ns = self._expected_ns.get(elements.bit_length())
        return expected_ns is not None and expected_ns < self._limit_ns

    def took(self, elements: int, duration_ns: int) -> None:
        """A run on so many elements has taken so long."""
        size = elements.bit_length()
        before_ns = self._expected_ns.get(size, duration_ns)
        self._expected_ns[size] = before_ns + (duration_ns - before_ns) // _WEIGHT
