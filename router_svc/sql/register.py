"""Routers, replicas and Envoys: who is there, and who holds which line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from router_svc import schema, state_json
from router_svc.domain.records import AnnouncedReplica, Envoy, Lease
from router_svc.sql import rows
from router_svc.sql.base import SqlBase
from router_svc.store import News, Registered


class SqlRegister(SqlBase):
    """Implements `Register`."""

    async def beat(self, router: str) -> None:
        inserted = self._insert(schema.routers).values(id=router, beats=1)
        async with self._writing() as connection:
            await connection.execute(
                inserted.on_conflict_do_update(
                    index_elements=["id"], set_={"beats": schema.routers.c.beats + 1}
                )
            )

    async def forget_router(self, router: str) -> None:
        async with self._writing() as connection:
            await connection.execute(sa.delete(schema.routers).where(schema.routers.c.id == router))

    async def take_lease(self, router: str, seen: Lease) -> Lease | None:
        state = schema.router_state
        async with self._writing(News.REGISTER) as connection:
            taken = await connection.execute(
                sa.update(state)
                .where(state.c.epoch == seen.epoch, state.c.router == seen.router)
                .values(epoch=state.c.epoch + 1, router=router)
            )
            return Lease(router, seen.epoch + 1) if taken.rowcount else None

    async def give_lease(self, lease: Lease) -> None:
        state = schema.router_state
        async with self._writing(News.REGISTER) as connection:
            await connection.execute(
                sa.update(state).where(state.c.epoch == lease.epoch).values(router="")
            )

    async def registered(self, known: Mapping[tuple[str, str], AnnouncedReplica]) -> Registered:
        async with self._reading() as connection:
            state = schema.router_state
            lease = (await connection.execute(sa.select(state.c.router, state.c.epoch))).one()
            routers = await connection.execute(sa.select(schema.routers))
            envoys = await connection.execute(sa.select(schema.envoys).order_by(schema.envoys.c.id))
            replicas = schema.replicas
            found = await connection.execute(
                sa.select(*(c for c in replicas.c if c.name != "content")).order_by(
                    replicas.c.pool, replicas.c.id
                )
            )
            announced = []
            for row in found.all():
                before = known.get((row.pool, row.id))
                content = None
                if before is None or state_json.to_micros(before.told) != row.told_us:
                    is_it = sa.and_(replicas.c.pool == row.pool, replicas.c.id == row.id)
                    told = await connection.execute(sa.select(replicas.c.content).where(is_it))
                    content = told.scalar_one()
                announced.append(rows.to_announced(row, content, before))
            return Registered(
                lease=Lease(lease.router, lease.epoch),
                routers={row.id: row.beats for row in routers},
                replicas=tuple(announced),
                envoys=tuple(rows.to_envoy(row) for row in envoys),
            )

    async def put_replica(self, announced: AnnouncedReplica) -> None:
        async with self._writing(News.REGISTER) as connection:
            await self._put(connection, schema.replicas, rows.from_announced(announced))

    async def renew_replica(self, announced: AnnouncedReplica) -> bool:
        table, replica = schema.replicas, announced.replica
        async with self._writing() as connection:
            renewed = await connection.execute(
                sa.update(table)
                .where(
                    table.c.pool == replica.pool,
                    table.c.id == replica.id,
                    table.c.router == announced.router,
                )
                .values(renewed_us=state_json.to_micros(replica.renewed))
            )
            return renewed.rowcount > 0

    async def delete_replica(self, pool: str, replica_id: str, *, router: str) -> None:
        table = schema.replicas
        async with self._writing(News.REGISTER) as connection:
            await connection.execute(
                sa.delete(table).where(
                    table.c.pool == pool, table.c.id == replica_id, table.c.router == router
                )
            )

    async def register_envoy(self, envoy_id: str, *, router: str, seen: datetime) -> int:
        envoys, seen_us = schema.envoys, state_json.to_micros(seen)
        inserted = self._insert(envoys).values(
            id=envoy_id,
            acknowledged=0,
            seen_us=seen_us,
            router=router,
            rejection="",
            refused="",
            taken=0,
        )
        async with self._writing(News.REGISTER) as connection:
            written = await connection.execute(
                inserted.on_conflict_do_update(
                    index_elements=["id"], set_={"seen_us": seen_us, "router": router}
                ).returning(envoys.c.acknowledged)
            )
            acknowledged: int = written.scalar_one()
            return acknowledged

    async def put_envoy(self, envoy: Envoy, *, router: str) -> None:
        envoys = schema.envoys
        async with self._writing(News.REGISTER) as connection:
            await connection.execute(
                sa.update(envoys)
                .where(envoys.c.id == envoy.id, envoys.c.router == router)
                .values(
                    acknowledged=envoy.acknowledged,
                    seen_us=state_json.to_micros(envoy.seen),
                    router=envoy.router,
                    rejection=envoy.rejection,
                    refused=json.dumps(sorted(envoy.refused)),
                    taken=envoy.taken,
                )
            )

    async def delete_envoy(self, envoy_id: str) -> bool:
        async with self._writing(News.REGISTER) as connection:
            deleted = await connection.execute(
                sa.delete(schema.envoys).where(schema.envoys.c.id == envoy_id)
            )
            return deleted.rowcount > 0
