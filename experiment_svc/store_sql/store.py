"""Puts the parts together: a connection, and what is read and written by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import database
from chassis.watch import Notifier
from experiment_svc.store_sql.aggregates import AggregatesReading
from experiment_svc.store_sql.decisions import DecisionsReading, DecisionsWriting
from experiment_svc.store_sql.definitions import DefinitionsReading, DefinitionsWriting
from experiment_svc.store_sql.experiments import ExperimentsReading, ExperimentsWriting
from experiment_svc.store_sql.facts import FactsWriting
from experiment_svc.store_sql.losses import LossesReading, LossesWriting
from experiment_svc.store_sql.outcome_counts import OutcomeCountsReading
from experiment_svc.store_sql.requests import RequestsReading
from experiment_svc.store_sql.series import SeriesReading, SeriesWriting


class SqlReading(
    ExperimentsReading,
    DecisionsReading,
    DefinitionsReading,
    AggregatesReading,
    OutcomeCountsReading,
    RequestsReading,
    LossesReading,
    SeriesReading,
):
    """Reads in one transaction."""


class SqlTransaction(
    ExperimentsWriting,
    DecisionsWriting,
    DefinitionsWriting,
    FactsWriting,
    AggregatesReading,
    OutcomeCountsReading,
    RequestsReading,
    LossesWriting,
    SeriesWriting,
):
    """Reads and writes in one transaction."""


class SqlStore:
    """Experiments and facts in a database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.notifier = Notifier()
        self._engine = engine
        # SQLite lets those who want to write poll for their turn; a queue is fair and faster.
        self._turn: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlReading]:
        """A consistent view."""
        async with database.reading(self._engine) as connection:
            yield SqlReading(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """Commits when left, unless by an error."""
        async with self._turn, database.writing(self._engine) as connection:
            transaction = SqlTransaction(connection)
            yield transaction
        if transaction.changed:
            self.notifier.notify()
