"""SQLite's driver with one change of threads a statement, as SQLAlchemy uses it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chassis import sqlite

_NOTES = sa.Table(
    "notes",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False, unique=True),
)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path}/a.db", connect_args={"async_creator_fn": sqlite.connect}
    )
    async with engine.begin() as connection:
        await connection.run_sync(_NOTES.metadata.create_all)
    return engine


async def texts(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list((await connection.execute(sa.select(_NOTES.c.text))).scalars())


async def test_rows_ids_and_counts_come_back(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await connection.execute(sa.insert(_NOTES).values(text="a"))
        await connection.execute(sa.insert(_NOTES), [{"text": "b"}, {"text": "c"}])
        changed = await connection.execute(
            sa.update(_NOTES).where(_NOTES.c.text != "a").values(text=_NOTES.c.text + "!")
        )
        back = await connection.execute(sa.insert(_NOTES).values(text="d").returning(_NOTES.c.id))

    assert first.inserted_primary_key == (1,)
    assert changed.rowcount == 2
    assert back.scalar_one() == 4
    assert await texts(engine) == ["a", "b!", "c!", "d"]
    await engine.dispose()


async def test_what_was_not_committed_is_rolled_back(engine: AsyncEngine) -> None:
    async def write_twice() -> None:
        async with engine.begin() as connection:
            await connection.execute(sa.insert(_NOTES).values(text="a"))
            await connection.execute(sa.insert(_NOTES).values(text="a"))

    with pytest.raises(IntegrityError):
        await write_twice()

    async with engine.connect() as connection:
        await connection.execute(sa.insert(_NOTES).values(text="left alone"))

    assert await texts(engine) == []
    await engine.dispose()


async def test_a_cancelled_statement_leaves_a_connection_that_works(engine: AsyncEngine) -> None:
    endless = sa.text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000)"
        " SELECT count(*) FROM n"
    )

    async def run() -> None:
        async with engine.connect() as connection:
            await connection.execute(endless)

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with engine.begin() as connection:
        await connection.execute(sa.insert(_NOTES).values(text="after"))
    assert await texts(engine) == ["after"]
    await engine.dispose()
