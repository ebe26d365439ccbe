"""When to try again, and for how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from algolink.client.rpc_errors import ENDPOINT_UNREACHABLE
from algolink.errors import AlgoLinkError, Unavailable

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0

MAX_UNREACHABLE = 3
"""Pauses while nothing listens: it is down rather than restarting."""


class Attempts:
    """The tries of one call, all of them within one timeout.

    Args:
        timeout_s: for all tries and the pauses between them.
        idempotent: whether the call may be sent again although the first may
            have arrived. One that never left is always sent again.
        clock: monotonic seconds.
        jitter: 0 to 1, so that many clients do not return at once.
    """

    def __init__(
        self,
        timeout_s: float,
        *,
        idempotent: bool,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.timeout_s = timeout_s
        self._idempotent = idempotent
        self._clock = clock
        self._jitter = jitter
        self._end = clock() + timeout_s
        self._pauses = 0

    @property
    def remaining_s(self) -> float:
        """Seconds that the next try may take."""
        return max(0.0, self._end - self._clock())

    def pause_after(self, error: AlgoLinkError) -> float | None:
        """Seconds to wait before the next try; None if there shall be none."""
        if not isinstance(error, Unavailable):
            return None
        unreachable = error.reason == ENDPOINT_UNREACHABLE
        if unreachable and self._pauses >= MAX_UNREACHABLE:
            return None
        if not unreachable and not self._idempotent:
            return None
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._pauses)
        pause = longest * (0.5 + self._jitter() / 2)
        if pause >= self.remaining_s:
            return None
        self._pauses += 1
        return pause
