"""What people decided about traffic."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from router_svc import schema
from router_svc.domain.traffic import Decision, meanwhile
from router_svc.sql import rows
from router_svc.sql.base import SqlBase
from router_svc.store import News

_COUNTER = "decisions"


class SqlDecisions(SqlBase):
    """Implements `DecisionLog`."""

    async def add_decision(self, decision: Decision) -> Decision:
        counters = schema.counters
        async with self._writing(News.DECISIONS) as connection:
            raised = await connection.execute(
                sa.update(counters)
                .where(counters.c.name == _COUNTER)
                .values(value=counters.c.value + 1)
                .returning(counters.c.value)
            )
            numbered = replace(decision, number=raised.scalar_one())
            inserted = self._insert(schema.traffic_decisions).values(rows.from_decision(numbered))
            written = await connection.execute(inserted.on_conflict_do_nothing())
            if written.rowcount == 0:
                raise meanwhile(decision)
            return numbered

    async def decisions_since(self, number: int) -> list[Decision]:
        decisions = schema.traffic_decisions
        async with self._reading() as connection:
            found = await connection.execute(
                sa.select(decisions).where(decisions.c.number > number).order_by(decisions.c.number)
            )
            return [rows.to_decision(row) for row in found]

    async def decisions(self, model: str, *, limit: int) -> list[Decision]:
        decisions = schema.traffic_decisions
        async with self._reading() as connection:
            found = await connection.execute(
                sa.select(decisions)
                .where(decisions.c.model == model)
                .order_by(decisions.c.revision.desc())
                .limit(limit)
            )
            return [rows.to_decision(row) for row in found]

    async def decision_at(self, model: str, at: datetime) -> Decision | None:
        decisions = schema.traffic_decisions
        async with self._reading() as connection:
            found = await connection.execute(
                rows.last_until(decisions, decisions.c.revision, model, at)
            )
            row = found.one_or_none()
            return rows.to_decision(row) if row is not None else None
