"""Series in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from algolink.names import ExperimentName
from experiment_svc.domain import series
from experiment_svc.domain.series import Point

SeriesByName = dict[ExperimentName, tuple[Point, ...]]


class MemorySeries:
    """Reads and writes the series of one copy of the state."""

    def __init__(self, by_name: SeriesByName) -> None:
        self._series = by_name

    async def series_of(self, name: ExperimentName) -> Sequence[Point]:
        """Points of an experiment, the oldest first."""
        return self._series.get(name, ())

    async def open_series(self) -> Sequence[ExperimentName]:
        """Experiments with points, but without a final one, by name."""
        found = [name for name, points in self._series.items() if not points[-1].final]
        return sorted(found, key=str)

    async def add_point(self, point: Point) -> Point:
        """Stores it under the next number, and lets those go that it takes the place of."""
        points = self._series.get(point.experiment, ())
        added = replace(point, number=points[-1].number + 1 if points else 1)
        points = (*points, added)
        gone = set(series.superfluous(points))
        self._series[point.experiment] = tuple(one for one in points if one.number not in gone)
        return added
