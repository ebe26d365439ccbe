from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from chassis import database
from experiment_svc.schema import metadata


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_migrations_make_the_schema(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/experiment.db"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with (
        database.open_engine(url, migrations="experiment_svc.migrations") as engine,
        database.reading(engine) as connection,
    ):
        found = await connection.run_sync(differences)

    assert found == []
