"""Counts outcomes by what became of them, in the database.

The same rules as `domain.windows`, in SQL.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from experiment_svc.domain import outcome_counts
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Metric
from experiment_svc.domain.outcome_counts import OutcomeCounts, Tally
from experiment_svc.schema import fact_counts, outcomes, unit_states
from experiment_svc.store_sql import unit_values

_MICROSECOND = timedelta(microseconds=1)


class OutcomeCountsReading:
    """Reads counts of outcomes by one connection."""

    _connection: AsyncConnection

    async def get_outcome_counts(self, experiment: Experiment) -> OutcomeCounts:
        """What became of the outcomes that have to do with an experiment."""
        tallies = [
            await self._tally(experiment, metric, name)
            for metric, name in outcome_counts.named(experiment)
        ]
        unused = await self._connection.execute(_unused(experiment))
        total = (await self._connection.execute(sa.select(fact_counts))).one()
        return OutcomeCounts(
            tallies=tallies,
            unused=[(row.metric, row.number) for row in unused],
            redelivered=total.redelivered,
            conflicts=total.conflicts,
        )

    async def _tally(self, experiment: Experiment, metric: Metric, name: str) -> Tally:
        row = (await self._connection.execute(_tally(experiment, metric, name))).one()
        return Tally(
            metric=metric.name,
            outcome=name,
            **{count: value or 0 for count, value in row._mapping.items()},
        )


def _tally(experiment: Experiment, metric: Metric, name: str) -> sa.Select[Any]:
    units = (
        sa.select(unit_states)
        .where(unit_states.c.experiment == experiment.name.experiment)
        .subquery("units_of")
    )
    outcome = outcomes.c
    deadline = unit_values.deadline(experiment, metric, units)
    known = units.c.unit.is_not(None)
    early = sa.and_(known, outcome.time_us < units.c.first_us)
    after = sa.and_(known, ~early, outcome.time_us >= deadline)
    timely = sa.and_(known, ~early, ~after)
    late: sa.ColumnElement[bool] = sa.false()
    if metric.lateness is not None:
        late = sa.and_(timely, outcome.received_us >= deadline + metric.lateness // _MICROSECOND)
    return (
        sa.select(
            _count(sa.and_(timely, ~late)).label("counted"),
            _count(early).label("early"),
            _count(after).label("after"),
            _count(late).label("late"),
            _count(~known).label("strangers"),
        )
        .join_from(outcomes, units, units.c.unit == outcome.unit, isouter=True)
        .where(outcome.metric == name)
    )


def _unused(experiment: Experiment) -> sa.Select[Any]:
    number = sa.func.count().label("number")
    return (
        sa.select(outcomes.c.metric, number)
        .join_from(outcomes, unit_states, unit_states.c.unit == outcomes.c.unit)
        .where(
            unit_states.c.experiment == experiment.name.experiment,
            outcomes.c.metric.not_in(sorted(outcome_counts.used(experiment))),
        )
        .group_by(outcomes.c.metric)
        .order_by(number.desc(), outcomes.c.metric)
        .limit(outcome_counts.MAX_UNUSED)
    )


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
