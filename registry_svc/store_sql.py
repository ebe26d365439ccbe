"""The store in a database: SQLite or PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from algolink.errors import Aborted
from algolink.manifest import Manifest
from algolink.names import ModelName, VersionName
from chassis import database
from chassis.watch import Change
from registry_svc import noticing, reachability, rows, schema, search_sql
from registry_svc.domain import models
from registry_svc.domain.audit import Entry, Recorded, Seal
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.models import Alias, Model, ModelState
from registry_svc.domain.pushes import Push
from registry_svc.domain.search.orders import Order, Place
from registry_svc.domain.search.predicates import Predicate
from registry_svc.domain.versions import State, Version
from registry_svc.lineage_sql import LineageReads, LineageWrites

_ENTRIES, _SEALS = schema.audit_entries, schema.audit_seals


class SqlStore:
    """Keeps everything in the tables of `schema`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlReader]:
        with reachability.told(writes=False):
            async with database.reading(self._engine) as connection:
                yield SqlReader(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[SqlWriter]:
        with reachability.told(writes=True):
            async with database.writing(self._engine) as connection:
                # Writers follow one another, as on SQLite: then changes are numbered in
                # the order in which readers get to see them, and no watch misses one.
                await connection.execute(sa.select(schema.database.c.head).with_for_update())
                yield SqlWriter(connection)


class SqlReader(LineageReads):
    """Reads within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def instance(self) -> str:
        result = await self._connection.execute(sa.select(schema.database.c.instance))
        return str(result.scalar_one())

    async def head(self) -> int:
        result = await self._connection.execute(sa.select(schema.database.c.head))
        return int(result.scalar_one())

    async def find_model(self, name: ModelName) -> Model | None:
        found = await self._models(sa.select(schema.models).where(_is(name)))
        return found[0] if found else None

    async def get_model(self, name: ModelName) -> Model:
        model = await self.find_model(name)
        if model is None:
            raise models.model_not_found(name)
        return model

    async def page_key(self) -> bytes:
        result = await self._connection.execute(sa.select(schema.database.c.page_key))
        return bytes(result.scalar_one())

    async def search_models(
        self, predicate: Predicate, order: Order, *, after: Place | None, limit: int
    ) -> Sequence[Model]:
        query = await search_sql.select(
            self._connection, search_sql.MODELS, predicate, order, after
        )
        return await self._models(query.limit(limit))

    async def search_versions(
        self, predicate: Predicate, order: Order, *, after: Place | None, limit: int
    ) -> Sequence[Version]:
        query = await search_sql.select(
            self._connection, search_sql.VERSIONS, predicate, order, after
        )
        result = await self._connection.execute(query.limit(limit))
        return [rows.version(row) for row in result]

    async def list_models(self, *, after: ModelName | None, limit: int) -> Sequence[Model]:
        by_name = schema.models.c.model
        query = sa.select(schema.models).order_by(by_name).limit(limit)
        if after is not None:
            query = query.where(by_name > after.model)
        return await self._models(query)

    async def get_version(self, name: VersionName) -> Version:
        model = await self.get_model(ModelName(name.model))
        found = await self.list_versions(model.name, below=name.number + 1, limit=1)
        if not found or found[0].name != name:
            raise models.version_not_found(model.name, name.number)
        return found[0]

    async def list_versions(
        self, model: ModelName, *, below: int | None, limit: int, deleted: bool = True
    ) -> Sequence[Version]:
        table = schema.versions
        query = sa.select(table).where(table.c.model == model.model)
        if not deleted:
            query = query.where(table.c.state != State.DELETED.value)
        if below is not None:
            query = query.where(table.c.number < below)
        result = await self._connection.execute(query.order_by(table.c.number.desc()).limit(limit))
        return [rows.version(row) for row in result]

    async def find_push(self, request_id: str) -> Push | None:
        table = schema.pushes
        result = await self._connection.execute(
            sa.select(table).where(table.c.request_id == request_id)
        )
        row = result.one_or_none()
        return None if row is None else rows.push(row)

    async def list_moves(
        self, model: ModelName, *, alias: str | None, below: int | None, limit: int
    ) -> Sequence[AliasMove]:
        table = schema.alias_moves
        query = sa.select(table).where(table.c.model == model.model)
        if alias is not None:
            query = query.where(table.c.alias == alias)
        if below is not None:
            query = query.where(table.c.number < below)
        result = await self._connection.execute(query.order_by(table.c.number.desc()).limit(limit))
        return [rows.move(row) for row in result]

    async def find_move_at(self, model: ModelName, alias: str, time: datetime) -> AliasMove | None:
        table = schema.alias_moves
        result = await self._connection.execute(
            sa.select(table)
            .where(table.c.model == model.model, table.c.alias == alias)
            .where(table.c.commit_time <= time)
            .order_by(table.c.number.desc())
            .limit(1)
        )
        row = result.one_or_none()
        return None if row is None else rows.move(row)

    async def needed(self, digests: Sequence[str], *, purged_before: datetime) -> frozenset[str]:
        versions, files = schema.versions, schema.artifact_files
        is_there = sa.or_(versions.c.purge_time.is_(None), versions.c.purge_time >= purged_before)
        found: set[str] = set()
        for part in _parts(digests):
            direct = sa.select(versions.c.digest).where(versions.c.digest.in_(part), is_there)
            within = (
                sa.select(files.c.digest)
                .join(versions, versions.c.digest == files.c.artifact)
                .where(files.c.digest.in_(part), is_there)
            )
            found.update((await self._connection.execute(sa.union(direct, within))).scalars())
        return frozenset(found)

    async def versions_with(self, digest: str, *, limit: int) -> Sequence[VersionName]:
        versions, files = schema.versions, schema.artifact_files
        folders = sa.select(files.c.artifact).where(files.c.digest == digest)
        result = await self._connection.execute(
            sa.select(versions.c.model, versions.c.number)
            .where(sa.or_(versions.c.digest == digest, versions.c.digest.in_(folders)))
            .order_by(versions.c.model, versions.c.number)
            .limit(limit)
        )
        return [VersionName(row.model, row.number) for row in result]

    async def newest_entry(self) -> int:
        result = await self._connection.execute(sa.select(sa.func.max(_ENTRIES.c.number)))
        return result.scalar_one() or 0

    async def newest_seal(self) -> Seal | None:
        result = await self._connection.execute(
            sa.select(_SEALS).order_by(_SEALS.c.number.desc()).limit(1)
        )
        row = result.one_or_none()
        return None if row is None else rows.seal(row)

    async def list_entries(self, *, after: int, limit: int) -> Sequence[Recorded]:
        seal = (_SEALS.c.hash.label("seal_hash"), _SEALS.c.time.label("seal_time"))
        result = await self._connection.execute(
            sa.select(_ENTRIES, *seal)
            .outerjoin(_SEALS, _SEALS.c.number == _ENTRIES.c.number)
            .where(_ENTRIES.c.number > after)
            .order_by(_ENTRIES.c.number)
            .limit(limit)
        )
        return [rows.recorded(row) for row in result]

    async def changed_since(
        self, change: int, *, limit: int | None = None
    ) -> Sequence[Change[ModelState]]:
        changed = schema.models.c.change > change
        result = await self._connection.execute(
            sa.select(schema.models).where(changed).order_by(schema.models.c.change).limit(limit)
        )
        found = result.all()
        names = [row.model for row in found]
        aliases, versions = await self._aliases(names), await self._versions(names)
        return [
            Change(
                row.change,
                ModelState(rows.model(row, aliases[row.model]), tuple(versions[row.model])),
            )
            for row in found
        ]

    async def _models(self, query: sa.Select[tuple[object, ...]]) -> list[Model]:
        found = (await self._connection.execute(query)).all()
        aliases = await self._aliases([row.model for row in found])
        return [rows.model(row, aliases[row.model]) for row in found]

    async def _aliases(self, names: Sequence[str]) -> dict[str, dict[str, Alias]]:
        found: dict[str, dict[str, Alias]] = defaultdict(dict)
        for part in _parts(names):
            query = sa.select(schema.aliases).where(schema.aliases.c.model.in_(part))
            for row in await self._connection.execute(query):
                found[row.model][row.alias] = rows.alias(row)
        return found

    async def _versions(self, names: Sequence[str]) -> dict[str, list[Version]]:
        found: dict[str, list[Version]] = defaultdict(list)
        table = schema.versions
        for part in _parts(names):
            query = sa.select(table).where(table.c.model.in_(part)).order_by(table.c.number.desc())
            for row in await self._connection.execute(query):
                found[row.model].append(rows.version(row))
        return found


class SqlWriter(SqlReader, LineageWrites):
    """Reads and writes within one transaction."""

    async def put_model(self, model: Model) -> Model:
        saved = replace(model, revision=model.revision + 1)
        change = await self._next_change()
        if model.revision == 0:
            await self._connection.execute(
                sa.insert(schema.models).values(rows.of_model(saved, change))
            )
        else:
            updated = await self._connection.execute(
                sa.update(schema.models)
                .where(_is(model.name), schema.models.c.revision == model.revision)
                .values(rows.of_model(saved, change))
            )
            if updated.rowcount != 1:
                raise Aborted(
                    "ETAG_MISMATCH", f"{model.name} has changed since it was read", model=model.name
                )
        await self._put_aliases(saved)
        return saved

    async def add_version(self, version: Version) -> None:
        await self._connection.execute(sa.insert(schema.versions).values(rows.of_version(version)))
        await self._put_notes(version)

    async def add_move(self, move: AliasMove) -> None:
        await self._connection.execute(sa.insert(schema.alias_moves).values(rows.of_move(move)))

    async def put_version(self, version: Version) -> Version:
        table = schema.versions
        saved = replace(version, revision=version.revision + 1)
        updated = await self._connection.execute(
            sa.update(table)
            .where(table.c.model == version.name.model, table.c.number == version.name.number)
            .where(table.c.revision == version.revision)
            .values(rows.of_version(saved))
        )
        if updated.rowcount != 1:
            raise Aborted(
                "ETAG_MISMATCH",
                f"{version.name} has changed since it was read",
                version=version.name,
            )
        await self._put_notes(saved)
        return saved

    async def add_entry(self, entry: Entry) -> None:
        await self._connection.execute(sa.insert(_ENTRIES).values(rows.of_entry(entry)))

    async def add_seals(self, seals: Sequence[Seal]) -> None:
        if seals:
            await self._connection.execute(
                sa.insert(_SEALS), [rows.of_seal(seal) for seal in seals]
            )

    async def add_files(self, artifact: str, manifest: Manifest) -> None:
        table = schema.artifact_files
        known = await self._connection.execute(
            sa.select(table.c.path).where(table.c.artifact == artifact).limit(1)
        )
        if known.one_or_none() is None:
            await self._connection.execute(sa.insert(table), rows.of_files(artifact, manifest))

    async def add_push(self, push: Push) -> None:
        await self._connection.execute(sa.insert(schema.pushes).values(rows.of_push(push)))

    async def _put_notes(self, version: Version) -> None:
        """Keeps what searches look at as the version has it."""
        for table, values in (
            (schema.version_tags, rows.of_tags(version)),
            (schema.version_metrics, rows.of_metrics(version)),
        ):
            if version.revision > 1:
                await self._connection.execute(
                    sa.delete(table).where(
                        table.c.model == version.name.model, table.c.number == version.name.number
                    )
                )
            if values:
                await self._connection.execute(sa.insert(table), values)

    async def _next_change(self) -> int:
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(sa.select(sa.func.pg_notify(noticing.CHANNEL, "")))
        result = await self._connection.execute(
            sa.update(schema.database)
            .values(head=schema.database.c.head + 1)
            .returning(schema.database.c.head)
        )
        return int(result.scalar_one())

    async def _put_aliases(self, model: Model) -> None:
        table = schema.aliases
        await self._connection.execute(sa.delete(table).where(table.c.model == model.name.model))
        if model.aliases:
            await self._connection.execute(sa.insert(table), rows.of_aliases(model))


def _is(name: ModelName) -> sa.ColumnElement[bool]:
    return schema.models.c.model == name.model


def _parts(names: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """`names` in parts, for a statement takes only so many parameters."""
    return (names[start : start + size] for start in range(0, len(names), size))
