"""What is known of lost exposures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from algolink.names import ExperimentName
from experiment_svc.domain import losses as domain
from experiment_svc.domain.losses import Acknowledgement, Loss, Report
from experiment_svc.records import from_us, to_us
from experiment_svc.schema import fact_counts, losses
from experiment_svc.store_sql.upsert import upsert

_ANY = sa.or_(losses.c.exposures > 0, losses.c.at_least)


class LossesReading:
    """Reads losses by one connection."""

    _connection: AsyncConnection

    async def losses_of(self, name: ExperimentName) -> Sequence[Loss]:
        """Those of an experiment, newest first."""
        return await self._losses(sa.and_(losses.c.experiment == name.experiment, _ANY))

    async def open_losses(self, *, limit: int) -> Sequence[Loss]:
        """Those that nobody has acknowledged, newest first."""
        return await self._losses(sa.and_(losses.c.acknowledged_us.is_(None), _ANY), limit)

    async def _losses(
        self, where: sa.ColumnElement[bool], limit: int | None = None
    ) -> Sequence[Loss]:
        found = await self._connection.execute(
            sa.select(losses)
            .where(where)
            .order_by(losses.c.time_us.desc(), losses.c.experiment, losses.c.node, losses.c.run)
            .limit(limit)
        )
        return [_loss(row) for row in found]


class LossesWriting(LossesReading):
    """Writes losses by one connection."""

    async def report_losses(self, report: Report) -> None:
        """Stores a report, unless one of the same or a higher revision is there."""
        # One report at a time, so that what is known of its run stays true.
        await self._connection.execute(sa.select(fact_counts.c.id).with_for_update())
        run = sa.and_(losses.c.node == report.node, losses.c.run == report.run)
        changed = domain.merge(await self._losses(run), report)
        await self._write(changed)

    async def acknowledge_losses(
        self, name: ExperimentName, acknowledgement: Acknowledgement
    ) -> Sequence[Loss]:
        """Acknowledges those of an experiment that are open; returns them."""
        await self._connection.execute(sa.select(fact_counts.c.id).with_for_update())
        found = [loss for loss in await self.losses_of(name) if loss.is_open]
        taken = [replace(loss, acknowledgement=acknowledgement) for loss in found]
        await self._write(taken)
        return taken

    async def _write(self, changed: Sequence[Loss]) -> None:
        if not changed:
            return
        statement = upsert(self._connection, losses)
        values = {c.name: statement.excluded[c.name] for c in losses.columns if not c.primary_key}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=losses.primary_key.columns, set_=values),
            [_row(loss) for loss in changed],
        )


def _row(loss: Loss) -> dict[str, Any]:
    taken = loss.acknowledgement
    return {
        "experiment": loss.experiment,
        "node": loss.node,
        "run": loss.run,
        "revision": loss.revision,
        "exposures": loss.exposures,
        "at_least": loss.at_least,
        "cause": loss.cause,
        "time_us": to_us(loss.time),
        "acknowledged_us": to_us(taken.time) if taken else None,
        "acknowledged_by": taken.by if taken else "",
        "note": taken.note if taken else "",
    }


def _loss(row: sa.Row[Any]) -> Loss:
    taken = None
    if row.acknowledged_us is not None:
        taken = Acknowledgement(
            by=row.acknowledged_by, time=from_us(row.acknowledged_us), note=row.note
        )
    return Loss(
        experiment=row.experiment,
        node=row.node,
        run=row.run,
        revision=row.revision,
        exposures=row.exposures,
        at_least=row.at_least,
        cause=row.cause,
        time=from_us(row.time_us),
        acknowledgement=taken,
    )
