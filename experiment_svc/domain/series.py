"""Results over time: points that are fine where they are new and coarse where they are old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from algolink.names import ExperimentName

LIMIT = 240
"""Points of one experiment: more than a plot can show apart."""

SPACING = timedelta(seconds=10)
"""Between two points, unless the experiment changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Results at one moment.

    Attributes:
        number: from 1, growing in time; 0 if it is not stored yet.
        revision: of the experiment, then.
        changed: the first look after a change of the experiment.
        final: the experiment had ended; no further point follows.
        body: the figures in JSON, as `convert_series` writes them.
    """

    experiment: ExperimentName
    number: int = 0
    time: datetime
    revision: int
    changed: bool
    final: bool
    body: str


class Stamp(Protocol):
    """What thinning looks at."""

    @property
    def number(self) -> int: ...

    @property
    def time(self) -> datetime: ...

    @property
    def changed(self) -> bool: ...


def superfluous(points: Sequence[Stamp], *, limit: int = LIMIT) -> list[int]:
    """Numbers of the points to let go, so that `limit` stay.

    The one goes whose neighbours are nearest to one another for its age, so gaps end
    up in proportion to age: minutes of last hour, hours of last month. The first and
    the last stay, and those after a change while there is anything else to let go.

    Args:
        points: in order of time.
        limit: at least 2.
    """
    left = list(points)
    gone = []
    while len(left) > limit:
        inner = range(1, len(left) - 1)
        plain = [index for index in inner if not left[index].changed] or list(inner)
        newest = left[-1].time

        def relative_gap(index: int, newest: datetime = newest) -> float:
            gap = left[index + 1].time - left[index - 1].time
            age = newest - left[index].time + SPACING
            return gap / age

        gone.append(left.pop(min(plain, key=relative_gap)).number)
    return gone
