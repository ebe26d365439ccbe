from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from tests import postgres as module
from tests.postgres import PostgresServer, postgres_server


async def _tables(url: str) -> list[str]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        found = [row.tablename for row in rows]
    await engine.dispose()
    return found


@pytest.mark.parametrize("attempt", [1, 2])
async def test_every_test_gets_an_empty_database(postgres_url: str, attempt: int) -> None:
    assert await _tables(postgres_url) == []

    engine = create_async_engine(postgres_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE left_behind (id int)"))
    await engine.dispose()

    assert await _tables(postgres_url) == ["left_behind"]


async def test_a_connection_left_open_does_not_keep_its_database(postgres: PostgresServer) -> None:
    name = postgres.create_database()
    engine = create_async_engine(postgres.url(name))
    connection = await engine.connect()
    await connection.execute(text("SELECT 1"))

    postgres.drop_database(name)

    with pytest.raises(DBAPIError):
        await connection.execute(text("SELECT 1"))
    await connection.invalidate()
    await engine.dispose()


async def test_binaries_below_a_closed_folder_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    original, refused = module._run, list[list[str]]()

    def run(command: list[str], *, user: str | None = None) -> None:
        if not refused:
            refused.append(command)
            raise PermissionError(command[0])
        original(command, user=user)

    monkeypatch.setattr(module, "_run", run)
    with postgres_server() as server:
        assert await _tables(server.url(server.create_database())) == []
        folder = server.binaries

    assert not folder.exists()
