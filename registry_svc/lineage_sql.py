"""Lineage in a database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from algolink.names import VersionName
from registry_svc import lineage_rows, schema
from registry_svc.domain.lineage import Lineage

_PART = 400
"""Versions of one statement, which takes only so many parameters."""

_PARENTS, _DATASETS = schema.lineage_parents, schema.lineage_datasets


class LineageReads:
    """What a reader knows of lineage."""

    _connection: AsyncConnection

    async def find_lineages(self, versions: Sequence[VersionName]) -> Mapping[VersionName, Lineage]:
        found: dict[VersionName, Lineage] = {}
        for part in _parts(versions):
            query = sa.select(schema.lineages).where(_is_one_of(schema.lineages, part))
            for row in await self._connection.execute(query):
                found[VersionName(row.model, row.number)] = lineage_rows.lineage(row)
        return found

    async def made_of(
        self, versions: Sequence[VersionName]
    ) -> Mapping[VersionName, Sequence[VersionName]]:
        found: dict[VersionName, list[VersionName]] = defaultdict(list)
        for part in _parts(versions):
            query = (
                sa.select(_PARENTS)
                .where(_PARENTS.c.parent.in_([str(name) for name in part]))
                .order_by(_PARENTS.c.model, _PARENTS.c.number)
            )
            for row in await self._connection.execute(query):
                child = VersionName(row.model, row.number)
                found[VersionName.parse(row.parent)].append(child)
        return found

    async def users_of(self, uri: str, digest: str, *, limit: int) -> Sequence[VersionName]:
        query = sa.select(_DATASETS.c.model, _DATASETS.c.number).where(_DATASETS.c.uri == uri)
        if digest:
            query = query.where(_DATASETS.c.digest == digest)
        query = query.distinct().order_by(_DATASETS.c.model, _DATASETS.c.number).limit(limit)
        rows = await self._connection.execute(query)
        return [VersionName(row.model, row.number) for row in rows]

    async def aliases_of(
        self, versions: Sequence[VersionName]
    ) -> Mapping[VersionName, tuple[str, ...]]:
        found: dict[VersionName, tuple[str, ...]] = {}
        table = schema.aliases
        for part in _parts(versions):
            query = (
                sa.select(table)
                .where(sa.tuple_(table.c.model, table.c.version).in_(_keys(part)))
                .order_by(table.c.alias)
            )
            for row in await self._connection.execute(query):
                name = VersionName(row.model, row.version)
                found[name] = (*found.get(name, ()), row.alias)
        return found


class LineageWrites(LineageReads):
    """What a writer keeps of lineage."""

    async def add_lineage(self, lineage: Lineage) -> None:
        await self._connection.execute(
            sa.insert(schema.lineages).values(lineage_rows.of_lineage(lineage))
        )
        for table, rows in (
            (_PARENTS, lineage_rows.of_parents(lineage)),
            (_DATASETS, lineage_rows.of_datasets(lineage)),
        ):
            if rows:
                await self._connection.execute(sa.insert(table), rows)


def _is_one_of(table: sa.Table, versions: Sequence[VersionName]) -> sa.ColumnElement[bool]:
    return sa.tuple_(table.c.model, table.c.number).in_(_keys(versions))


def _keys(versions: Sequence[VersionName]) -> list[tuple[str, int]]:
    return [(name.model, name.number) for name in versions]


def _parts(versions: Sequence[VersionName]) -> list[Sequence[VersionName]]:
    return [versions[start : start + _PART] for start in range(0, len(versions), _PART)]
