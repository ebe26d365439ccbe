"""Puts the parts together: a connection, and what is read and written by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import database
from chassis.watch import Notifier
from experiment_svc.store_sql.aggregates import AggregatesReading
from experiment_svc.store_sql.experiments import ExperimentsReading, ExperimentsWriting
from experiment_svc.store_sql.facts import FactsWriting


class SqlReading(ExperimentsReading, AggregatesReading):
    """Reads in one transaction."""


class SqlTransaction(ExperimentsWriting, FactsWriting, AggregatesReading):
    """Reads and writes in one transaction."""


class SqlStore:
    """Experiments and facts in a database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.notifier = Notifier()
        self._engine = engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlReading]:
        """A consistent view."""
        async with database.reading(self._engine) as connection:
            yield SqlReading(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """Commits when left, unless by an error."""
        async with database.writing(self._engine) as connection:
            transaction = SqlTransaction(connection)
            yield transaction
        if transaction.changed:
            self.notifier.notify()
