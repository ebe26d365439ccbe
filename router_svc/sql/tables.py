"""The table that is served, its history, and what replicas hold for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from algolink.names import VersionName
from router_svc import schema, state_json
from router_svc.domain.records import Outlook, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.world import Artifact
from router_svc.sql import rows
from router_svc.sql.base import SqlBase
from router_svc.store import News, Saved, SupersededError


class SqlTables(SqlBase):
    """Implements `Tables`, but for `load`."""

    async def save(
        self,
        before: State,
        after: State,
        revisions: Sequence[RouteRevision],
        outlook: Outlook,
        *,
        epoch: int,
    ) -> None:
        state = schema.router_state
        values = {
            "sequence": after.sequence,
            "content": state_json.dump_rest(after),
            "outlook": state_json.dump_outlook(outlook),
            "saves": state.c.saves + 1,
        }
        if after.wanted is not before.wanted:
            values["wanted_saved"] = state.c.saves + 1
        async with self._writing(News.STATE) as connection:
            # The row is locked from here on: nobody takes the lease meanwhile.
            written = await connection.execute(
                sa.update(state).where(state.c.epoch == epoch).values(values)
            )
            if written.rowcount == 0:
                raise SupersededError
            if revisions:
                changed = [rows.from_revision(revision) for revision in revisions]
                await connection.execute(sa.insert(schema.route_revisions), changed)
                await self._put(connection, schema.routes, *changed)
            if after.wanted is not before.wanted:
                await self._save_wanted(connection, before.wanted, after.wanted)

    async def newer(self, known: State, saves: int) -> Saved | None:
        async with self._reading() as connection:
            state = (await connection.execute(sa.select(schema.router_state))).one()
            if state.saves == saves:
                return None
            later = schema.routes.c.sequence > known.sequence
            found = await connection.execute(sa.select(schema.routes).where(later))
            changed = tuple(rows.to_revision(row) for row in found)
            wanted = known.wanted
            if state.wanted_saved > saves:
                wanted = await self._wanted(connection)
        routes = known.snapshot.routes
        if changed:
            gone = {revision.model for revision in changed}
            routes = {
                **{model: route for model, route in routes.items() if model not in gone},
                **{r.model: r.route for r in changed if r.route is not None},
            }
        return Saved(
            state=state_json.load_rest(state.sequence, state.content, routes=routes, wanted=wanted),
            saves=state.saves,
            outlook=state_json.load_outlook(state.outlook),
            changed=changed,
        )

    async def history(self, model: str, *, limit: int) -> list[RouteRevision]:
        revisions = schema.route_revisions
        async with self._reading() as connection:
            found = await connection.execute(
                sa.select(revisions)
                .where(revisions.c.model == model)
                .order_by(revisions.c.sequence.desc())
                .limit(limit)
            )
            return [rows.to_revision(row) for row in found]

    async def route_at(self, model: str, at: datetime) -> RouteRevision | None:
        revisions = schema.route_revisions
        async with self._reading() as connection:
            found = await connection.execute(
                rows.last_until(revisions, revisions.c.sequence, model, at)
            )
            row = found.one_or_none()
            return rows.to_revision(row) if row is not None else None

    async def _wanted(self, connection: AsyncConnection) -> dict[VersionName, Artifact]:
        return {
            VersionName(row.model, row.version): Artifact(row.digest, row.size_bytes)
            for row in await connection.execute(sa.select(schema.wanted_versions))
        }

    async def _save_wanted(
        self,
        connection: AsyncConnection,
        before: Mapping[VersionName, Artifact],
        after: Mapping[VersionName, Artifact],
    ) -> None:
        table = schema.wanted_versions
        gone = before.keys() - after.keys()
        if gone:
            is_gone = sa.and_(
                table.c.model == sa.bindparam("of_model"),
                table.c.version == sa.bindparam("number"),
            )
            await connection.execute(
                sa.delete(table).where(is_gone),
                [{"of_model": version.model, "number": version.number} for version in gone],
            )
        new = [
            {
                "model": version.model,
                "version": version.number,
                "digest": artifact.digest,
                "size_bytes": artifact.size_bytes,
            }
            for version, artifact in after.items()
            if before.get(version) != artifact
        ]
        if new:
            await self._put(connection, table, *new)
