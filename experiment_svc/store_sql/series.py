"""Rows of series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from algolink.names import ExperimentName
from experiment_svc.domain import series
from experiment_svc.domain.series import Point
from experiment_svc.records import from_us, to_us
from experiment_svc.schema import open_series, result_points
from experiment_svc.store_sql.upsert import upsert


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A point without its figures."""

    number: int
    time: datetime
    changed: bool


class SeriesReading:
    """Reads series by one connection."""

    _connection: AsyncConnection

    async def series_of(self, name: ExperimentName) -> Sequence[Point]:
        """Points of an experiment, the oldest first."""
        query = (
            sa.select(result_points)
            .where(result_points.c.experiment == name.experiment)
            .order_by(result_points.c.number)
        )
        return [
            Point(
                experiment=name,
                number=row.number,
                time=from_us(row.time_us),
                revision=row.revision,
                changed=row.changed,
                final=row.final,
                body=row.body,
            )
            for row in await self._connection.execute(query)
        ]

    async def open_series(self) -> Sequence[ExperimentName]:
        """Experiments with points, but without a final one, by name."""
        query = sa.select(open_series.c.experiment).order_by(open_series.c.experiment)
        return [ExperimentName(found) for found in await self._connection.scalars(query)]


class SeriesWriting(SeriesReading):
    """Writes series by one connection."""

    async def add_point(self, point: Point) -> Point:
        """Stores it under the next number, and lets those go that it takes the place of.

        Only the holder of the lease adds points, so numbers do not collide.
        """
        name = point.experiment.experiment
        stamps = await self._stamps(name)
        added = replace(point, number=stamps[-1].number + 1 if stamps else 1)
        row = {
            "experiment": name,
            "number": added.number,
            "time_us": to_us(added.time),
            "revision": added.revision,
            "changed": added.changed,
            "final": added.final,
            "body": added.body,
        }
        await self._connection.execute(sa.insert(result_points), row)
        gone = series.superfluous([*stamps, added])
        if gone:
            await self._connection.execute(
                sa.delete(result_points).where(
                    result_points.c.experiment == name, result_points.c.number.in_(gone)
                )
            )
        if added.final:
            await self._connection.execute(
                sa.delete(open_series).where(open_series.c.experiment == name)
            )
        elif not stamps:
            opened = upsert(self._connection, open_series).values(experiment=name)
            await self._connection.execute(opened.on_conflict_do_nothing())
        return added

    async def _stamps(self, name: str) -> list[_Stamp]:
        query = (
            sa.select(result_points.c.number, result_points.c.time_us, result_points.c.changed)
            .where(result_points.c.experiment == name)
            .order_by(result_points.c.number)
        )
        return [
            _Stamp(row.number, from_us(row.time_us), row.changed)
            for row in await self._connection.execute(query)
        ]
