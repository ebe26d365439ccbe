"""SQLite for asyncio, with one change of threads a statement.

A connection lives in a thread of its own, and to hand it something and wait costs more
than most statements. SQLAlchemy asks aiosqlite for a cursor, to execute, for the rows
and to close, each time across threads; here the first does all of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import aiosqlite

_CHUNK = 64
"""Rows that aiosqlite would fetch at a time; nothing here iterates."""


def connect(database: str, **options: Any) -> Awaitable[aiosqlite.Connection]:
    """What SQLAlchemy calls instead of `aiosqlite.connect`."""
    connection = _Connection(lambda: sqlite3.connect(database, **options), _CHUNK)
    # A process that ends without closing must not wait for it.
    connection._thread.daemon = True
    return connection


class _Connection(aiosqlite.Connection):
    async def cursor(self) -> _Cursor:  # type: ignore[override]  # awaited, never entered
        return _Cursor(self)

    async def rollback(self) -> None:
        # The pool rolls back whatever it takes back; most of it has been committed.
        if self.in_transaction:
            await super().rollback()

    async def at_once(self, run: Callable[[sqlite3.Connection], Any]) -> Any:
        """Runs something in the connection's thread."""
        return await self._execute(run, self._conn)  # type: ignore[no-untyped-call]


class _Cursor:
    """As much of a cursor as SQLAlchemy uses; holds all rows once it has executed."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        def run(connection: sqlite3.Connection) -> sqlite3.Cursor:
            cursor = connection.execute(statement, parameters)
            if cursor.description:
                self._rows = cursor.fetchall()
            return cursor

        self._keep(await self._connection.at_once(run))

    async def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._keep(
            await self._connection.at_once(
                lambda connection: connection.executemany(statement, parameters)
            )
        )

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """There is nothing left to close."""

    def _keep(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self.lastrowid, self.rowcount = cursor.lastrowid, cursor.rowcount
