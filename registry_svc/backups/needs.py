"""Which artifacts a database needs, whatever release wrote it; nothing is written there."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from registry_svc import schema

Needs = dict[str, int]
"""Size in bytes of each artifact and file, by digest."""


async def of(url: str, *, now: datetime) -> Needs:
    """What the versions need that are not deleted for good.

    Args:
        url: of the database, which is not brought up to date.
        now: a deleted version whose purge time is earlier needs nothing.
    """
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_read, now)
    finally:
        await engine.dispose()


def _read(connection: sa.Connection, now: datetime) -> Needs:
    versions, files = schema.versions, schema.artifact_files
    there = sa.inspect(connection)
    query = sa.select(versions.c.digest, versions.c.size_bytes)
    within = sa.select(files.c.digest, files.c.size_bytes).join(
        versions, versions.c.digest == files.c.artifact
    )
    # Earlier releases knew no deletion, and no folders.
    if any(column["name"] == "purge_time" for column in there.get_columns(versions.name)):
        is_there = sa.or_(versions.c.purge_time.is_(None), versions.c.purge_time >= now)
        query, within = query.where(is_there), within.where(is_there)
    found = {row.digest: row.size_bytes for row in connection.execute(query)}
    if there.has_table(files.name):
        found |= {row.digest: row.size_bytes for row in connection.execute(within)}
    return found
