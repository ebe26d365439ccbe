"""Transactions of the router's database, and news of those of other routers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from algolink.errors import Unavailable
from chassis import database
from router_svc.store import News

_CHANNEL = "algolink_router"
_SQLITE_POLL_S = 0.1
_RETRY_S = 1.0


class SqlBase:
    """What the parts of the store share.

    Unavailable, DATABASE_UNAVAILABLE, where the database fails.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._instance = uuid.uuid4().hex

    async def follow(self, notify: Callable[[News], None]) -> None:
        """As in `Store`: by LISTEN on PostgreSQL, by looking often on SQLite."""
        following = self._listen if self._is_postgresql else self._poll
        while True:
            try:
                await following(notify)
            except (DBAPIError, OSError):
                # Whoever follows looks by himself now and then.
                await asyncio.sleep(_RETRY_S)

    @property
    def _is_postgresql(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    async def _listen(self, notify: Callable[[News], None]) -> None:
        lost = asyncio.Event()

        def heard(_connection: object, _pid: int, _channel: str, payload: str) -> None:
            instance, _, news = payload.partition(" ")
            if instance != self._instance:
                notify(News(news))

        async with self._engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None  # noqa: S101 - it was opened just now
            raw.add_termination_listener(lambda _connection: lost.set())
            await raw.add_listener(_CHANNEL, heard)
            try:
                await lost.wait()
            finally:
                # The pool may give the connection to somebody who does not listen.
                await connection.invalidate()

    async def _poll(self, notify: Callable[[News], None]) -> None:
        async with self._engine.connect() as connection:
            seen = None
            while True:
                row = await connection.exec_driver_sql("PRAGMA data_version")
                version = row.scalar_one()
                await connection.rollback()
                if seen is not None and version != seen:
                    for news in News:
                        notify(news)
                seen = version
                await asyncio.sleep(_SQLITE_POLL_S)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with database.reading(self._engine) as connection:
                yield connection
        except (DBAPIError, OSError) as error:
            raise _failed(error) from error

    @asynccontextmanager
    async def _writing(self, news: News | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes; other routers hear of it if it is `news`."""
        try:
            async with database.writing(self._engine) as connection:
                yield connection
                if news is not None and self._is_postgresql:
                    await connection.execute(
                        sa.select(sa.func.pg_notify(_CHANNEL, f"{self._instance} {news}"))
                    )
        except (DBAPIError, OSError) as error:
            raise _failed(error) from error

    async def _put(
        self, connection: AsyncConnection, into: sa.Table, *rows: Mapping[str, Any]
    ) -> None:
        """Inserts rows, or replaces what they name of the ones that have their keys."""
        key = [column.name for column in into.primary_key]
        inserted = self._insert(into)
        await connection.execute(
            inserted.on_conflict_do_update(
                index_elements=key,
                set_={name: inserted.excluded[name] for name in rows[0] if name not in key},
            ),
            [dict(row) for row in rows],
        )

    def _insert(self, into: sa.Table) -> postgresql.Insert | sqlite.Insert:
        return postgresql.insert(into) if self._is_postgresql else sqlite.insert(into)


def _failed(error: Exception) -> Unavailable:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return Unavailable("DATABASE_UNAVAILABLE", f"the router's database failed: {cause}")
