"""Sums units up per metric, arm and phase.

The truth is recomputed at every look from unit states, outcomes and exposures;
only what is counted per request (requests, failures, latencies) is kept as a counter.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from experiment_svc.domain import quantiles
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Kind, Metric
from experiment_svc.records import from_us
from experiment_svc.schema import fact_counts, latency_counts, lowest_p_values, request_counts
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.quantile import QuantileBounds
from experiment_svc.stats.undefined import Undefined
from experiment_svc.store_sql import unit_values


class AggregatesReading:
    """Reads aggregates by one connection."""

    _connection: AsyncConnection

    async def get_aggregates(
        self, experiment: Experiment, *, at: datetime, upto: int | None = None
    ) -> Aggregates:
        """What the facts say about a started experiment at `at`."""
        name = experiment.name.experiment
        metrics = [measure.metric for measure in experiment.measures]
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
            cells={
                metric.name: await self._cells(experiment, metric, at, upto)
                for metric in metrics
                if metric.kind is not Kind.LATENCY_QUANTILE
            },
            quantiles={
                metric.name: await self._quantiles(experiment, metric, at)
                for metric in metrics
                if metric.kind is Kind.QUANTILE
            },
            requests={(row.arm, row.phase): row.requests for row in counts},
            failures={(row.arm, row.phase): row.failures for row in counts},
            latency=histograms,
            redelivered=total.redelivered,
            conflicts=total.conflicts,
            lowest_p={row.comparison: row.p_value for row in lowest},
        )

    async def _cells(
        self, experiment: Experiment, metric: Metric, at: datetime, upto: int | None
    ) -> list[Cell]:
        units = unit_values.select(experiment, metric, at=at, upto=upto).cte("units")
        rows = await self._connection.execute(_moments(units, metric.size))
        return [_cell(row, metric.size) for row in rows]

    async def _quantiles(
        self, experiment: Experiment, metric: Metric, at: datetime
    ) -> dict[str, QuantileBounds | Undefined]:
        """By order statistics: only those that are needed leave the database."""
        units = unit_values.select(experiment, metric, at=at).cte("units")
        counts = await self._connection.execute(
            sa.select(units.c.arm, sa.func.count().label("count"))
            .where(units.c.v0.is_not(None))
            .group_by(units.c.arm)
        )
        found: dict[str, QuantileBounds | Undefined] = {}
        for arm, count in counts.all():
            ranks = quantiles.needed(count, level=metric.level)
            ordered = (
                sa.select(
                    units.c.v0,
                    sa.func.row_number().over(order_by=units.c.v0).label("rank"),
                )
                .where(units.c.arm == arm, units.c.v0.is_not(None))
                .subquery("ordered")
            )
            rows = await self._connection.execute(
                sa.select(ordered.c.rank, ordered.c.v0).where(ordered.c.rank.in_(ranks))
            )
            values = {row.rank: row.v0 for row in rows}
            found[arm] = quantiles.bounds(count, values, level=metric.level)
        return found


def _moments(units: sa.CTE, size: int) -> sa.Select[Any]:
    """Per arm and phase; centred products in a second pass over the units' values."""
    values = [units.c[f"v{index}"] for index in range(size)]
    means = (
        sa.select(
            units.c.arm,
            units.c.phase,
            sa.func.count().label("units"),
            sa.func.sum(units.c.crossed).label("crossed"),
            sa.func.count(values[0]).label("valued"),
            *(sa.func.avg(value).label(f"m{index}") for index, value in enumerate(values)),
            sa.func.sum(units.c.inside).label("inside"),
            sa.func.sum(units.c.outside).label("outside"),
            sa.func.sum(units.c.late).label("late"),
            sa.func.max(units.c.first_us).label("newest_us"),
        )
        .group_by(units.c.arm, units.c.phase)
        .cte("means")
    )
    deviations = [value - means.c[f"m{index}"] for index, value in enumerate(values)]
    return (
        sa.select(
            *means.c,
            *(
                sa.func.sum(deviations[i] * deviations[j]).label(f"c{i}{j}")
                for i in range(size)
                for j in range(i, size)
            ),
        )
        .join_from(
            means,
            units,
            sa.and_(units.c.arm == means.c.arm, units.c.phase == means.c.phase),
        )
        .group_by(*means.c)
    )


def _cell(row: sa.Row[Any], size: int) -> Cell:
    values = JointMoments.empty(size)
    if row.valued:
        found = row._mapping
        values = JointMoments(
            row.valued,
            tuple(found[f"m{index}"] for index in range(size)),
            tuple(
                tuple(found[f"c{min(i, j)}{max(i, j)}"] for j in range(size)) for i in range(size)
            ),
        )
    return Cell(
        arm=row.arm,
        phase=row.phase,
        units=row.units,
        crossed=int(row.crossed),
        values=values,
        outcomes=int(row.inside),
        outside=int(row.outside),
        late=int(row.late),
        newest=from_us(row.newest_us),
    )
