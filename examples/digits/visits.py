"""Who comes, how often, and with which digit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_VISITS = 3
_AWAY = 600
"""Units that are owed a visit before they begin to return: some come back soon, some much later."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to send.

    Attributes:
        unit: who sends it.
        digit: index of the held-out digit that is sent.
    """

    unit: str
    digit: int


def visits(prefix: str, digits: int, rng: random.Random) -> Iterator[Visit]:
    """An endless stream of visits in which new units keep arriving and known ones return.

    Every unit comes one to three times.

    Args:
        prefix: what all units of this stream begin with.
        digits: number of held-out digits to choose from.
    """
    arrived = 0
    owed: list[str] = []
    while True:
        if len(owed) > _AWAY and rng.random() < 0.5:
            unit = _leave_at_random(owed, rng)
        else:
            unit = f"{prefix}-{arrived:05d}"
            arrived += 1
            owed += [unit] * rng.randrange(_MAX_VISITS)
        yield Visit(unit, rng.randrange(digits))


def _leave_at_random(owed: list[str], rng: random.Random) -> str:
    index = rng.randrange(len(owed))
    owed[index], owed[-1] = owed[-1], owed[index]
    return owed.pop()
