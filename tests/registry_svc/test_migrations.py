from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import create_async_engine

from algolink.names import ModelName, VersionName
from chassis.database import open_engine, reading
from registry_svc import migrations, schema
from registry_svc.domain.versions import State
from registry_svc.store_sql import SqlStore
from tests.registry_svc import first_release


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def old_url(url: str) -> str:
    """URL of a database that the first release filled."""
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(first_release.make)
    finally:
        await engine.dispose()
    return url


def differences(connection: sa.Connection) -> object:
    return compare_metadata(MigrationContext.configure(connection), schema.metadata)


async def test_the_migrations_make_the_schema(url: str) -> None:
    async with (
        open_engine(url, migrations="registry_svc.migrations") as engine,
        reading(engine) as connection,
    ):
        assert await connection.run_sync(differences) == []


async def test_a_database_of_the_first_release_gets_the_same_schema(old_url: str) -> None:
    async with (
        open_engine(old_url, migrations="registry_svc.migrations") as engine,
        reading(engine) as connection,
    ):
        assert await connection.run_sync(differences) == []


async def test_what_the_first_release_wrote_is_read(old_url: str) -> None:
    iris = ModelName("iris")
    async with (
        open_engine(old_url, migrations="registry_svc.migrations") as engine,
        SqlStore(engine).reading() as reader,
    ):
        model = await reader.get_model(iris)
        first = await reader.get_version(VersionName("iris", 1))
        moves = await reader.list_moves(iris, alias=None, below=None, limit=9)

    assert {name: alias.version for name, alias in model.aliases.items()} == {
        "champion": 2,
        "nightly": 1,
    }
    assert (first.digest, first.description) == ("d1", "first")
    assert (first.state, first.state_time, first.pusher) == (State.READY, first.create_time, "")
    assert (first.tags, first.metrics, first.revision) == ({}, {}, 1)
    assert [(m.number, m.alias, m.version, m.mover, m.reason) for m in moves] == [
        (2, "champion", 2, "", "better"),
        (1, "nightly", 1, "", ""),
    ]
    assert moves[0].evidence == model.aliases["champion"].evidence
    assert moves[0].commit_time == datetime(2026, 11, 20, 11, tzinfo=UTC)


REVISIONS = sorted(path.stem for path in Path(migrations.__file__).parent.glob("0*.py"))


@pytest.mark.parametrize("newest", REVISIONS, ids=lambda name: name[:4])
async def test_whichever_revision_a_database_is_at_nothing_is_lost(url: str, newest: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(first_release.make)
            await connection.run_sync(_upgrade_to, newest)
    finally:
        await engine.dispose()

    async with (
        open_engine(url, migrations="registry_svc.migrations") as engine,
        reading(engine) as connection,
        SqlStore(engine).reading() as reader,
    ):
        assert await connection.run_sync(differences) == []
        (state,) = [change.item for change in await reader.changed_since(0)]
        moves = await reader.list_moves(state.model.name, alias=None, below=None, limit=9)
    assert [(version.name.number, version.digest) for version in state.versions] == [
        (2, "d2"),
        (1, "d1"),
    ]
    assert len(moves) == 2


def _upgrade_to(connection: sa.Connection, newest: str) -> None:
    """Runs the revisions after the first, up to one, as a release at that revision did."""
    with Operations.context(MigrationContext.configure(connection)):
        for name in REVISIONS[1 : REVISIONS.index(newest) + 1]:
            import_module(f"registry_svc.migrations.{name}").upgrade()
    connection.execute(sa.text("UPDATE alembic_version SET version_num = :at"), {"at": newest[:4]})
