"""The store on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

from router_svc import schema, state_json
from router_svc.sql import rows
from router_svc.sql.decisions import SqlDecisions
from router_svc.sql.register import SqlRegister
from router_svc.sql.tables import SqlTables
from router_svc.store import Stored


class SqlStore(SqlTables, SqlDecisions, SqlRegister):
    """Implements `Store`."""

    async def load(self) -> Stored:
        async with self._reading() as connection:
            state = (await connection.execute(sa.select(schema.router_state))).one()
            found = await connection.execute(sa.select(schema.routes))
            routes = {row.model: rows.to_revision(row) for row in found}
            wanted = await self._wanted(connection)
            decisions = await connection.execute(rows.latest(schema.traffic_decisions, "revision"))
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
                ),
                saves=state.saves,
                outlook=state_json.load_outlook(state.outlook),
                routes=routes,
                replicas=tuple(
                    rows.to_announced(row, row.content, None).replica for row in replicas
                ),
                envoys=tuple(rows.to_envoy(row) for row in envoys),
                decisions={row.model: rows.to_decision(row) for row in decisions},
            )
