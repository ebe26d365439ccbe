"""A service's own database: SQLite on one machine, PostgreSQL on many."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from algolink.errors import AlgoLinkError, FailedPrecondition, InvalidArgument, Unavailable
from chassis import migration, sqlite

_BUSY_TIMEOUT_MS = 10_000
_WRITES = "algolink_writes"
_MIGRATION_LOCK = 0x616C676F  # any number, as long as nobody else locks it


@asynccontextmanager
async def open_engine(url: str, *, migrations: str) -> AsyncIterator[AsyncEngine]:
    """Opens a database, brings its schema up to date, closes it when left.

    Args:
        url: `sqlite+aiosqlite:///...` or `postgresql+asyncpg://...`.
        migrations: package that holds the Alembic revisions, one file each.

    Raises:
        InvalidArgument: DATABASE_URL_INVALID.
        FailedPrecondition: DATABASE_TOO_NEW, DATABASE_NOT_WRITABLE or
            DATABASE_UNREADABLE.
        Unavailable: DATABASE_UNREACHABLE.
    """
    engine = _engine(url)
    try:
        try:
            if engine.url.get_backend_name() == "sqlite" and engine.url.database:
                # aiosqlite leaves a thread behind where it cannot open the file.
                sqlite3.connect(engine.url.database).close()
            async with writing(engine) as connection:
                if engine.dialect.name == "postgresql":
                    # Replicas that start together bring the schema up to date one by one.
                    await connection.execute(
                        sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_MIGRATION_LOCK))
                    )
                await connection.run_sync(migration.migrate, migrations)
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise _opening_failed(engine, error) from error
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees one state of the database and writes nothing."""
    async with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        async with connection.begin():
            yield connection


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that writes; commits when left, unless by an error.

    On SQLite it is the only one that writes from its first statement on. On
    PostgreSQL what is read to be written must be locked (`with_for_update`).
    """
    async with engine.connect() as connection:
        await connection.execution_options(**{_WRITES: True})
        async with connection.begin():
            yield connection


def _engine(url: str) -> AsyncEngine:
    is_sqlite = url.startswith("sqlite")
    try:
        engine = create_async_engine(
            url,
            pool_pre_ping=not is_sqlite,
            connect_args={"async_creator_fn": sqlite.connect} if is_sqlite else {},
        )
    except (ArgumentError, ImportError) as error:
        raise InvalidArgument(
            "DATABASE_URL_INVALID", f"not a database URL that is supported: {error}"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, late and never for reads.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()  # the pool forgets one that was never made, and its thread lives on
        raise
    cursor.close()


def _begin_sqlite(connection: sqlalchemy.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    # A transaction that upgrades from reading to writing can fail at once with
    # SQLITE_BUSY, whatever the timeout; one that begins as a writer waits.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _opening_failed(engine: AsyncEngine, error: Exception) -> AlgoLinkError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    database = engine.url.render_as_string(hide_password=True)
    if engine.dialect.name != "sqlite":
        return Unavailable(
            "DATABASE_UNREACHABLE", f"cannot use database {database}: {cause}", database=database
        )
    text = str(cause)
    if "not a database" in text or "malformed" in text:
        return FailedPrecondition(
            "DATABASE_UNREADABLE", f"{database} is not a database: {text}", database=database
        )
    return FailedPrecondition(
        "DATABASE_NOT_WRITABLE", f"cannot write database {database}: {text}", database=database
    )
