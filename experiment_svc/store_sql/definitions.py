"""Rows of definitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from experiment_svc.domain.definitions import Definition, DefinitionKind, not_found
from experiment_svc.records import from_us, to_us
from experiment_svc.schema import definitions, instance


class DefinitionsReading:
    """Reads definitions by one connection."""

    _connection: AsyncConnection

    async def get_definition(
        self, kind: DefinitionKind, definition_id: str, version: int = 0
    ) -> Definition:
        """One version; 0 is the newest."""
        query = self._versions(kind, definition_id).limit(1)
        if version:
            query = query.where(definitions.c.version == version)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise not_found(kind, definition_id, version)
        return _definition(row)

    async def list_definitions(
        self, kind: DefinitionKind, definition_id: str = ""
    ) -> Sequence[Definition]:
        """All versions of one, newest first; or the newest of each, by id."""
        query = self._versions(kind, definition_id)
        if not definition_id:
            newest = (
                sa.select(definitions.c.id, sa.func.max(definitions.c.version).label("version"))
                .where(definitions.c.kind == kind)
                .group_by(definitions.c.id)
                .subquery()
            )
            query = (
                sa.select(definitions)
                .join(
                    newest,
                    sa.and_(
                        definitions.c.id == newest.c.id,
                        definitions.c.version == newest.c.version,
                    ),
                )
                .where(definitions.c.kind == kind)
                .order_by(definitions.c.id)
            )
        return [_definition(row) for row in await self._connection.execute(query)]

    def _versions(self, kind: DefinitionKind, definition_id: str) -> sa.Select[Any]:
        return (
            sa.select(definitions)
            .where(definitions.c.kind == kind, definitions.c.id == definition_id)
            .order_by(definitions.c.version.desc())
        )


class DefinitionsWriting(DefinitionsReading):
    """Reads definitions to add to them."""

    async def add_definition(
        self, kind: DefinitionKind, definition_id: str, body: str, *, at: datetime
    ) -> Definition:
        """The next version; the newest one itself if that says the same."""
        # Two who define the same at once must not both be the next version.
        await self._connection.execute(sa.select(instance.c.id).with_for_update())
        query = self._versions(kind, definition_id).limit(1)
        newest = (await self._connection.execute(query)).one_or_none()
        if newest is not None and newest.body == body:
            return _definition(newest)
        added = Definition(
            kind=kind,
            id=definition_id,
            version=newest.version + 1 if newest is not None else 1,
            body=body,
            create_time=at,
        )
        await self._connection.execute(
            sa.insert(definitions),
            {
                "kind": kind,
                "id": definition_id,
                "version": added.version,
                "body": body,
                "created_us": to_us(at),
            },
        )
        return added


def _definition(row: sa.Row[Any]) -> Definition:
    return Definition(
        kind=DefinitionKind(row.kind),
        id=row.id,
        version=row.version,
        body=row.body,
        create_time=from_us(row.created_us),
    )
