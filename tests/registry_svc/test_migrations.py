from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from chassis.database import open_engine, reading
from registry_svc import schema


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_the_migrations_make_the_schema(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = (
        f"sqlite+aiosqlite:///{tmp_path}/registry.db"
        if database == "sqlite"
        else request.getfixturevalue("postgres_url")
    )

    def differences(connection: sa.Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), schema.metadata)

    async with (
        open_engine(url, migrations="registry_svc.migrations") as engine,
        reading(engine) as connection,
    ):
        assert await connection.run_sync(differences) == []
