"""Rows of decisions, and the lease of who takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from algolink.names import ExperimentName
from experiment_svc import store
from experiment_svc.domain.decision_log import Decision
from experiment_svc.domain.policies import Action
from experiment_svc.records import from_us, to_us
from experiment_svc.schema import decisions, leases
from experiment_svc.store_sql.upsert import upsert

_LIGHT = [column for column in decisions.c if column.name not in ("evidence", "announced")]


class DecisionsReading:
    """Reads decisions by one connection."""

    _connection: AsyncConnection

    async def get_decision(self, name: ExperimentName, number: int = 0) -> Decision:
        """One decision; 0 is the last."""
        query = (
            sa.select(decisions)
            .where(decisions.c.experiment == name.experiment)
            .order_by(decisions.c.number.desc())
            .limit(1)
        )
        if number:
            query = query.where(decisions.c.number == number)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise store.decision_not_found(name, number)
        return _decision(row, row.evidence)

    async def list_decisions(
        self, name: ExperimentName, *, after: int = 0, limit: int = 1_000
    ) -> Sequence[Decision]:
        """Those with a higher number, in order, without evidence."""
        query = (
            sa.select(*_LIGHT)
            .where(decisions.c.experiment == name.experiment, decisions.c.number > after)
            .order_by(decisions.c.number)
            .limit(limit)
        )
        return [_decision(row, "") for row in await self._connection.execute(query)]

    async def unannounced(self, *, since: datetime, limit: int) -> Sequence[Decision]:
        """Decisions from `since` on that nobody was told of, the oldest first."""
        query = (
            sa.select(*_LIGHT)
            .where(decisions.c.announced == 0, decisions.c.time_us >= to_us(since))
            .order_by(decisions.c.time_us, decisions.c.experiment, decisions.c.number)
            .limit(limit)
        )
        return [_decision(row, "") for row in await self._connection.execute(query)]


class DecisionsWriting(DecisionsReading):
    """Writes decisions by one connection."""

    async def add_decision(self, decision: Decision) -> Decision:
        """Stores it under the next number of its experiment.

        The experiment is locked by who decides about it, so numbers do not collide.
        """
        name = decision.experiment.experiment
        last = await self._connection.scalar(
            sa.select(sa.func.max(decisions.c.number)).where(decisions.c.experiment == name)
        )
        added = replace(decision, number=(last or 0) + 1)
        row = {
            "experiment": name,
            "number": added.number,
            "time_us": to_us(added.time),
            "action": added.action,
            "waits": int(added.waits),
            "reason": added.reason,
            "winner": added.winner,
            "digest": added.digest,
            "evidence": added.evidence,
        }
        await self._connection.execute(sa.insert(decisions), row)
        return added

    async def mark_announced(self, decision: Decision) -> None:
        """Notes that it was told."""
        await self._connection.execute(
            sa.update(decisions)
            .where(
                decisions.c.experiment == decision.experiment.experiment,
                decisions.c.number == decision.number,
            )
            .values(announced=1)
        )

    async def take_lease(
        self, lease: str, *, holder: str, at: datetime, length: timedelta
    ) -> int | None:
        """Takes a lease that nobody holds, or renews one's own."""
        at_us, until_us = to_us(at), to_us(at + length)
        statement = upsert(self._connection, leases)
        free = sa.or_(leases.c.holder == holder, leases.c.until_us <= at_us)
        taken = await self._connection.scalar(
            statement.values(name=lease, holder=holder, token=1, until_us=until_us)
            .on_conflict_do_update(
                index_elements=leases.primary_key.columns,
                set_={
                    "holder": holder,
                    "until_us": until_us,
                    "token": sa.case(
                        (leases.c.holder == holder, leases.c.token), else_=leases.c.token + 1
                    ),
                },
                where=free,
            )
            .returning(leases.c.token)
        )
        return None if taken is None else int(taken)

    async def check_lease(self, lease: str, token: int) -> None:
        """Holds the lease until the transaction ends."""
        present = await self._connection.scalar(
            sa.select(leases.c.token).where(leases.c.name == lease).with_for_update()
        )
        if present != token:
            raise store.lease_lost(lease)


def _decision(row: sa.Row[Any], evidence: str) -> Decision:
    return Decision(
        experiment=ExperimentName(row.experiment),
        number=row.number,
        time=from_us(row.time_us),
        action=Action(row.action),
        waits=bool(row.waits),
        reason=row.reason,
        winner=row.winner,
        evidence=evidence,
        digest=row.digest,
    )
