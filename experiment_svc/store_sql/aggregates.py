"""Joins outcomes with the units' windows, and sums up per arm and phase.

The truth is recomputed at every look from unit states and outcomes; only what
is counted per request (requests, failures, latencies) is kept as a counter.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from experiment_svc.domain.design import Aggregation, Metric
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.results import Aggregates, Cell
from experiment_svc.records import to_us
from experiment_svc.schema import (
    fact_counts,
    latency_counts,
    lowest_p_values,
    outcomes,
    request_counts,
    unit_states,
)
from experiment_svc.stats.moments import Moments

_NEVER_US = 2**62
"""Later than any time."""


class AggregatesReading:
    """Reads aggregates by one connection."""

    _connection: AsyncConnection

    async def get_aggregates(self, experiment: Experiment, *, at: datetime) -> Aggregates:
        """What the facts say about a started experiment at `at`."""
        name = experiment.name.experiment
        rows = await self._connection.execute(_cells(experiment, at))
        cells = [_cell(row) for row in rows]
        counts = (
            await self._connection.execute(
                sa.select(request_counts).where(request_counts.c.experiment == name)
            )
        ).all()
        histograms: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for row in await self._connection.execute(
            sa.select(latency_counts).where(latency_counts.c.experiment == name)
        ):
            histograms[row.arm][row.bucket] = row.requests
        lowest = await self._connection.execute(
            sa.select(lowest_p_values).where(lowest_p_values.c.experiment == name)
        )
        total = (await self._connection.execute(sa.select(fact_counts))).one()
        return Aggregates(
            cells=cells,
            requests={(row.arm, row.phase): row.requests for row in counts},
            failures={(row.arm, row.phase): row.failures for row in counts},
            latency=histograms,
            redelivered=total.redelivered,
            conflicts=total.conflicts,
            lowest_p={row.comparison: row.p_value for row in lowest},
        )


def _cells(experiment: Experiment, at: datetime) -> sa.Select[Any]:
    """Per arm and phase; the spread in a second pass over the units' values."""
    units = _units(experiment, at).cte("units")
    means = (
        sa.select(
            units.c.arm,
            units.c.phase,
            sa.func.count().label("units"),
            sa.func.sum(units.c.crossed).label("crossed"),
            sa.func.count(units.c.value).label("valued"),
            sa.func.avg(units.c.value).label("mean"),
            sa.func.sum(units.c.inside).label("inside"),
            sa.func.sum(units.c.outside).label("outside"),
        )
        .group_by(units.c.arm, units.c.phase)
        .cte("means")
    )
    deviation = units.c.value - means.c.mean
    return (
        sa.select(*means.c, sa.func.sum(deviation * deviation).label("m2"))
        .join_from(
            means,
            units,
            sa.and_(units.c.arm == means.c.arm, units.c.phase == means.c.phase),
        )
        .group_by(*means.c)
    )


def _units(experiment: Experiment, at: datetime) -> sa.Select[Any]:
    """One row per unit: where it was first, its value, its outcomes in and outside its window."""
    unit, outcome, metric = unit_states.c, outcomes.c, experiment.metric
    deadline = _deadline(experiment)
    analysed = deadline > unit.first_us
    if metric.window:
        analysed = sa.and_(analysed, deadline <= to_us(at))
    in_window = sa.and_(outcome.time_us >= unit.first_us, outcome.time_us < deadline)
    inside = sa.func.sum(sa.case((sa.and_(analysed, in_window), 1), else_=0))
    outside = sa.func.sum(sa.case((sa.and_(outcome.time_us.is_not(None), ~in_window), 1), else_=0))
    return (
        sa.select(
            unit.arm,
            unit.phase,
            unit.crossed,
            sa.case((analysed, _value(metric, in_window))).label("value"),
            inside.label("inside"),
            outside.label("outside"),
        )
        .join_from(
            unit_states,
            outcomes,
            sa.and_(outcome.metric == metric.name, outcome.unit == unit.unit),
            isouter=True,
        )
        .where(unit.experiment == experiment.name.experiment)
        .group_by(unit.unit, unit.arm, unit.phase, unit.crossed, unit.first_us)
    )


def _deadline(experiment: Experiment) -> sa.ColumnElement[int]:
    """When a unit's window closes: after its length, or at its phase's end.

    All open windows of a phase end with it, in all arms at the same moment.
    """
    ends = {phase.number: to_us(phase.end) for phase in experiment.phases if phase.end}
    never = sa.literal(_NEVER_US, sa.BigInteger)
    phase_end: sa.ColumnElement[int] = never
    if ends:
        phase_end = sa.case(
            *(
                (unit_states.c.phase == number, sa.literal(end_us, sa.BigInteger))
                for number, end_us in ends.items()
            ),
            else_=never,
        )
    window = experiment.metric.window
    if not window:
        return phase_end
    closes = unit_states.c.first_us + sa.literal(window // _MICROSECOND, sa.BigInteger)
    return sa.case((closes < phase_end, closes), else_=phase_end)


def _value(metric: Metric, in_window: sa.ColumnElement[bool]) -> sa.ColumnElement[float]:
    counted = sa.case((in_window, outcomes.c.value))
    match metric.aggregation:
        case Aggregation.ANY:
            above = sa.and_(in_window, outcomes.c.value > 0.0)
            return sa.func.max(sa.case((above, _double(1.0)), else_=_double(0.0)))
        case Aggregation.SUM:
            return sa.func.coalesce(sa.func.sum(counted), _double(0.0))
        case Aggregation.MEAN:
            return sa.func.avg(counted)


def _double(value: float) -> sa.ColumnElement[float]:
    return sa.literal(value, sa.Double)


_MICROSECOND = timedelta(microseconds=1)


def _cell(row: sa.Row[Any]) -> Cell:
    values = Moments(row.valued, row.mean, row.m2) if row.valued else Moments()
    return Cell(
        arm=row.arm,
        phase=row.phase,
        units=row.units,
        crossed=int(row.crossed),
        values=values,
        outcomes=int(row.inside),
        outside=int(row.outside),
    )
