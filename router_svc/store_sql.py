"""The store on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from algolink.errors import Unavailable
from algolink.names import VersionName
from chassis import database
from chassis.addresses import split_address
from mesh import table
from mesh.table import Endpoint
from router_svc import schema, state_json, traffic_json
from router_svc.domain.records import Envoy, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.traffic import Action, Decision, meanwhile
from router_svc.domain.world import Artifact, Replica
from router_svc.store import Stored

_ONLY = 1


class SqlStore:
    """Implements `Store`; Unavailable, DATABASE_UNAVAILABLE, where the database fails."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def load(self) -> Stored:
        async with self._reading() as connection:
            state = (await connection.execute(sa.select(schema.router_state))).one_or_none()
            rows = await connection.execute(sa.select(schema.routes))
            routes = {row.model: _revision(row) for row in rows}
            rows = await connection.execute(sa.select(schema.wanted_versions))
            wanted = {
                VersionName(row.model, row.version): Artifact(row.digest, row.size_bytes)
                for row in rows
            }
            decisions = await connection.execute(_latest(schema.traffic_decisions, "revision"))
            replicas = await connection.execute(
                sa.select(schema.replicas).order_by(schema.replicas.c.pool, schema.replicas.c.id)
            )
            envoys = await connection.execute(sa.select(schema.envoys).order_by(schema.envoys.c.id))
            return Stored(
                state=state_json.load_rest(
                    state.sequence,
                    state.content,
                    routes={m: r.route for m, r in routes.items() if r.route is not None},
                    wanted=wanted,
                )
                if state
                else State(),
                routes=routes,
                replicas=tuple(_replica(row) for row in replicas),
                envoys=tuple(
                    Envoy(
                        id=row.id,
                        acknowledged=row.acknowledged,
                        seen=state_json.from_micros(row.seen_us),
                    )
                    for row in envoys
                ),
                decisions={row.model: _decision(row) for row in decisions},
            )

    async def save(self, before: State, after: State, revisions: Sequence[RouteRevision]) -> None:
        async with self._writing() as connection:
            await self._put(
                connection,
                schema.router_state,
                {
                    "id": _ONLY,
                    "sequence": after.sequence,
                    "content": state_json.dump_rest(after),
                },
            )
            if revisions:
                values = [_revision_values(revision) for revision in revisions]
                await connection.execute(sa.insert(schema.route_revisions), values)
                await self._put(connection, schema.routes, *values)
            if after.wanted is not before.wanted:
                await self._save_wanted(connection, before.wanted, after.wanted)

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

    async def history(self, model: str, *, limit: int) -> list[RouteRevision]:
        revisions = schema.route_revisions
        async with self._reading() as connection:
            rows = await connection.execute(
                sa.select(revisions)
                .where(revisions.c.model == model)
                .order_by(revisions.c.sequence.desc())
                .limit(limit)
            )
            return [_revision(row) for row in rows]

    async def route_at(self, model: str, at: datetime) -> RouteRevision | None:
        revisions = schema.route_revisions
        row = await self._last_until(revisions, revisions.c.sequence, model, at)
        return _revision(row) if row is not None else None

    async def add_decision(self, decision: Decision) -> None:
        async with self._writing() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            inserted = dialect.insert(schema.traffic_decisions).values(_decision_values(decision))
            written = await connection.execute(inserted.on_conflict_do_nothing())
            if written.rowcount == 0:
                raise meanwhile(decision)

    async def decisions(self, model: str, *, limit: int) -> list[Decision]:
        decisions = schema.traffic_decisions
        async with self._reading() as connection:
            rows = await connection.execute(
                sa.select(decisions)
                .where(decisions.c.model == model)
                .order_by(decisions.c.revision.desc())
                .limit(limit)
            )
            return [_decision(row) for row in rows]

    async def decision_at(self, model: str, at: datetime) -> Decision | None:
        decisions = schema.traffic_decisions
        row = await self._last_until(decisions, decisions.c.revision, model, at)
        return _decision(row) if row is not None else None

    async def _last_until(
        self, table: sa.Table, number: sa.Column[int], model: str, at: datetime
    ) -> Any:
        async with self._reading() as connection:
            rows = await connection.execute(
                sa.select(table)
                .where(table.c.model == model, table.c.time_us <= state_json.to_micros(at))
                .order_by(number.desc())
                .limit(1)
            )
            return rows.one_or_none()

    async def put_replica(self, replica: Replica) -> None:
        async with self._writing() as connection:
            await self._put(
                connection,
                schema.replicas,
                {
                    "pool": replica.pool,
                    "id": replica.id,
                    "grpc_address": str(replica.grpc),
                    "http_address": str(replica.http),
                    "renewed_us": state_json.to_micros(replica.renewed),
                },
            )

    async def delete_replica(self, pool: str, replica_id: str) -> None:
        async with self._writing() as connection:
            await connection.execute(
                sa.delete(schema.replicas).where(
                    schema.replicas.c.pool == pool, schema.replicas.c.id == replica_id
                )
            )

    async def put_envoy(self, envoy: Envoy) -> None:
        async with self._writing() as connection:
            await self._put(
                connection,
                schema.envoys,
                {
                    "id": envoy.id,
                    "acknowledged": envoy.acknowledged,
                    "seen_us": state_json.to_micros(envoy.seen),
                },
            )

    async def delete_envoy(self, envoy_id: str) -> None:
        async with self._writing() as connection:
            await connection.execute(sa.delete(schema.envoys).where(schema.envoys.c.id == envoy_id))

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with database.reading(self._engine) as connection:
                yield connection
        except (DBAPIError, OSError) as error:
            raise _failed(error) from error

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with database.writing(self._engine) as connection:
                yield connection
        except (DBAPIError, OSError) as error:
            raise _failed(error) from error

    async def _put(
        self, connection: AsyncConnection, into: sa.Table, *rows: Mapping[str, Any]
    ) -> None:
        """Inserts rows, or replaces the ones that have their keys."""
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        key = [column.name for column in into.primary_key]
        inserted = dialect.insert(into)
        await connection.execute(
            inserted.on_conflict_do_update(
                index_elements=key,
                set_={name: inserted.excluded[name] for name in rows[0] if name not in key},
            ),
            [dict(row) for row in rows],
        )


def _latest(table: sa.Table, number: str) -> sa.Select[Any]:
    """The row of each model whose `number` is highest."""
    latest = (
        sa.select(table.c.model, sa.func.max(table.c[number]).label("latest"))
        .group_by(table.c.model)
        .subquery()
    )
    is_latest = sa.and_(table.c.model == latest.c.model, table.c[number] == latest.c.latest)
    return sa.select(table).join(latest, is_latest)


def _failed(error: Exception) -> Unavailable:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return Unavailable("DATABASE_UNAVAILABLE", f"the router's database failed: {cause}")


def _revision_values(revision: RouteRevision) -> dict[str, Any]:
    route = revision.route
    return {
        "model": revision.model,
        "sequence": revision.sequence,
        "revision": route.revision if route else "",
        "content": json.dumps(table.route_to_json(route)) if route else None,
        "time_us": state_json.to_micros(revision.time),
    }


def _revision(row: Any) -> RouteRevision:
    return RouteRevision(
        model=row.model,
        sequence=row.sequence,
        route=table.route_from_json(json.loads(row.content)) if row.content else None,
        time=state_json.from_micros(row.time_us),
    )


def _decision_values(decision: Decision) -> dict[str, Any]:
    return {
        "model": decision.traffic.model,
        "revision": decision.traffic.revision,
        "action": decision.action.value,
        "version": decision.version,
        "caller": decision.caller,
        "reason": decision.reason,
        "content": traffic_json.dump_traffic(decision.traffic),
        "time_us": state_json.to_micros(decision.time),
    }


def _decision(row: Any) -> Decision:
    return Decision(
        traffic=traffic_json.load_traffic(row.model, row.revision, row.content),
        action=Action(row.action),
        version=row.version,
        caller=row.caller,
        reason=row.reason,
        time=state_json.from_micros(row.time_us),
    )


def _replica(row: Any) -> Replica:
    return Replica(
        id=row.id,
        pool=row.pool,
        grpc=Endpoint(*split_address(row.grpc_address)),
        http=Endpoint(*split_address(row.http_address)),
        renewed=state_json.from_micros(row.renewed_us),
        heard=False,
    )
