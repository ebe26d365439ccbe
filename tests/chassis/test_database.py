from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from algolink.errors import AlgoLinkError, FailedPrecondition, InvalidArgument, Unavailable
from chassis.database import open_engine, reading, writing

ONE = "tests.chassis.older.migrations"
TWO = "tests.chassis.newer.migrations"

SHELF = sa.table("shelf", sa.column("name"), sa.column("weight_g"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/trial.db"
    postgres_url: str = request.getfixturevalue("postgres_url")
    return postgres_url


async def test_a_new_database_gets_the_newest_schema_and_keeps_its_rows(url: str) -> None:
    async with open_engine(url, migrations=TWO) as engine, writing(engine) as connection:
        await connection.execute(sa.insert(SHELF).values(name="a", weight_g=5))

    async with open_engine(url, migrations=TWO) as engine, reading(engine) as connection:
        rows = (await connection.execute(sa.select(SHELF))).all()

    assert [tuple(row) for row in rows] == [("a", 5)]


async def test_replicas_that_start_together_make_one_schema(url: str) -> None:
    async def start() -> int:
        async with open_engine(url, migrations=TWO) as engine, reading(engine) as connection:
            return len((await connection.execute(sa.select(SHELF))).all())

    assert await asyncio.gather(*(start() for _ in range(4))) == [0] * 4


async def test_an_older_database_is_migrated_with_its_rows(url: str) -> None:
    async with open_engine(url, migrations=ONE) as engine, writing(engine) as connection:
        await connection.execute(sa.insert(SHELF).values(name="a"))

    async with open_engine(url, migrations=TWO) as engine, reading(engine) as connection:
        rows = (await connection.execute(sa.select(SHELF))).all()

    assert [tuple(row) for row in rows] == [("a", None)]


async def test_a_database_of_a_newer_version_is_refused_untouched(url: str) -> None:
    async with open_engine(url, migrations=TWO):
        pass

    with pytest.raises(FailedPrecondition) as caught:
        async with open_engine(url, migrations=ONE):
            pass

    assert caught.value.reason == "DATABASE_TOO_NEW"
    assert caught.value.metadata == {"database_revision": "0002", "known_revision": "0001"}


async def test_a_transaction_that_fails_writes_nothing(url: str) -> None:
    async with open_engine(url, migrations=TWO) as engine:

        async def fail_after_writing() -> None:
            async with writing(engine) as connection:
                await connection.execute(sa.insert(SHELF).values(name="a"))
                raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            await fail_after_writing()

        async with reading(engine) as connection:
            assert (await connection.execute(sa.select(SHELF))).all() == []


async def test_a_reader_sees_one_state_while_a_writer_commits(url: str) -> None:
    count = sa.select(sa.func.count()).select_from(SHELF)
    async with open_engine(url, migrations=TWO) as engine, reading(engine) as reader:
        before = (await reader.execute(count)).scalar_one()

        async with writing(engine) as writer:
            await writer.execute(sa.insert(SHELF).values(name="a"))

        assert (before, (await reader.execute(count)).scalar_one()) == (0, 0)


async def test_writers_of_one_file_wait_for_each_other(tmp_path: Path) -> None:
    async with open_engine(f"sqlite+aiosqlite:///{tmp_path}/trial.db", migrations=TWO) as engine:

        async def add_after_reading() -> None:
            async with writing(engine) as connection:
                query = sa.select(sa.func.count()).select_from(SHELF)
                present = (await connection.execute(query)).scalar_one()
                await connection.execute(sa.insert(SHELF).values(name=f"number {present}"))

        await asyncio.gather(*(add_after_reading() for _ in range(8)))

        async with reading(engine) as connection:
            assert len((await connection.execute(sa.select(SHELF))).all()) == 8


async def refusal(url: str) -> AlgoLinkError:
    with pytest.raises(AlgoLinkError) as caught:
        async with open_engine(url, migrations=ONE):
            pass
    return caught.value


async def test_a_folder_that_does_not_exist_is_a_clear_error(tmp_path: Path) -> None:
    error = await refusal(f"sqlite+aiosqlite:///{tmp_path}/missing/trial.db")

    assert isinstance(error, FailedPrecondition)
    assert error.reason == "DATABASE_NOT_WRITABLE"


async def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "trial.db").write_text("no database at all, " * 100)

    error = await refusal(f"sqlite+aiosqlite:///{tmp_path}/trial.db")

    assert isinstance(error, FailedPrecondition)
    assert error.reason == "DATABASE_UNREADABLE"


async def test_a_server_that_is_not_there_is_unavailable_and_no_password_is_shown() -> None:
    error = await refusal("postgresql+asyncpg://somebody:secret@127.0.0.1:1/trial")

    assert isinstance(error, Unavailable)
    assert error.reason == "DATABASE_UNREACHABLE"
    assert "secret" not in str(error)


@pytest.mark.parametrize("url", ["nonsense", "mystery://x/y"])
async def test_a_url_of_no_known_database_is_refused(url: str) -> None:
    error = await refusal(url)

    assert isinstance(error, InvalidArgument)
    assert error.reason == "DATABASE_URL_INVALID"


def test_a_database_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from chassis.database import open_engine\n"
        "async def main():\n"
        f"    async with open_engine('sqlite+aiosqlite:///{tmp_path}/t.db', migrations='{ONE}'):\n"
        "        print('alembic' in sys.modules)\n"
        "asyncio.run(main())\n"
    )
    imported = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]

    assert imported == ["True", "False"]
