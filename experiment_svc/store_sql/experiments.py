"""Rows of experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from algolink.names import ExperimentName, ModelName
from chassis.watch import Change
from experiment_svc import records, store
from experiment_svc.domain.experiments import ROUTED, Experiment, State
from experiment_svc.schema import experiments, fact_counts, instance, lowest_p_values
from experiment_svc.store_sql.upsert import upsert

_WHOLE = sa.select(experiments.c.body, experiments.c.revision, experiments.c.evidence)
_LIGHT = sa.select(
    experiments.c.body,
    experiments.c.revision,
    sa.literal("").label("evidence"),
    experiments.c.change,
)


class ExperimentsReading:
    """Reads experiments by one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get_experiment(self, name: ExperimentName) -> Experiment:
        """The experiment, its verdict with the evidence."""
        row = (await self._connection.execute(self._get(name))).one_or_none()
        if row is None:
            raise store.not_found(name)
        return _experiment(row)

    async def list_experiments(
        self,
        *,
        limit: int,
        before: store.Position | None = None,
        model: ModelName | None = None,
    ) -> Sequence[Experiment]:
        """Newest first, those older than `before`."""
        key = sa.tuple_(experiments.c.created_us, experiments.c.id)
        query = _WHOLE.order_by(experiments.c.created_us.desc(), experiments.c.id.desc())
        if before is not None:
            query = query.where(
                key < sa.tuple_(sa.literal(before.created_us), sa.literal(before.experiment))
            )
        if model is not None:
            query = query.where(experiments.c.model == model.model)
        return [_experiment(row) for row in await self._connection.execute(query.limit(limit))]

    async def experiments_in(self, state: State) -> Sequence[Experiment]:
        """All in that state, oldest first."""
        query = _LIGHT.where(experiments.c.state == state).order_by(
            experiments.c.created_us, experiments.c.id
        )
        return [_experiment(row) for row in await self._connection.execute(query)]

    async def head(self) -> tuple[str, int]:
        """Id of the database, and the number of the last change."""
        row = (await self._connection.execute(sa.select(instance.c.name, instance.c.change))).one()
        return row.name, row.change

    async def changes_since(self, change: int) -> Sequence[Change[Experiment]]:
        """Latest state of what changed later, in order."""
        query = _LIGHT.where(experiments.c.change > change).order_by(experiments.c.change)
        rows = await self._connection.execute(query)
        return [Change(row.change, _experiment(row)) for row in rows]

    async def facts_accepted(self) -> int:
        """Facts so far."""
        accepted = await self._connection.scalar(sa.select(fact_counts.c.accepted))
        return int(accepted or 0)

    def _get(self, name: ExperimentName) -> sa.Select[Any]:
        return _WHOLE.where(experiments.c.id == name.experiment)


class ExperimentsWriting(ExperimentsReading):
    """Reads experiments to write them."""

    changed = False
    """Whether an experiment was written."""

    async def add_experiment(self, experiment: Experiment) -> Experiment:
        """Stores a new one, as revision 1."""
        change = await self._next_change()
        # Not locked: who holds it may be waiting for the next change, which is ours.
        present = await self._connection.execute(super()._get(experiment.name))
        if present.first() is not None:
            raise store.exists(experiment.name)
        added = replace(experiment, revision=1)
        row = {"id": added.name.experiment, "created_us": records.to_us(added.create_time)}
        await self._connection.execute(sa.insert(experiments), row | _row(added, change))
        self.changed = True
        return added

    async def put_experiment(self, experiment: Experiment) -> Experiment:
        """Stores the next state of what was read in this transaction."""
        change = await self._next_change()
        if experiment.state in ROUTED:
            await self._check_alone(experiment)
        saved = replace(experiment, revision=experiment.revision + 1)
        await self._connection.execute(
            sa.update(experiments)
            .where(experiments.c.id == saved.name.experiment)
            .values(**_row(saved, change))
        )
        self.changed = True
        return saved

    async def lower_p_values(self, name: ExperimentName, values: Mapping[str, float]) -> None:
        """Keeps the smaller of each value and the one that is stored."""
        if not values:
            return
        statement = upsert(self._connection, lowest_p_values)
        stored, given = lowest_p_values.c.p_value, statement.excluded.p_value
        lower = sa.case((given < stored, given), else_=stored)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=lowest_p_values.primary_key.columns, set_={"p_value": lower}
            ),
            [
                {"experiment": name.experiment, "comparison": comparison, "p_value": p_value}
                for comparison, p_value in sorted(values.items())
            ],
        )

    def _get(self, name: ExperimentName) -> sa.Select[Any]:
        return super()._get(name).with_for_update()

    async def _next_change(self) -> int:
        """Number of this change; other writers wait from here on."""
        change = await self._connection.scalar(
            sa.update(instance).values(change=instance.c.change + 1).returning(instance.c.change)
        )
        if change is None:
            raise RuntimeError("the database has lost its row of table `instance`")
        return int(change)

    async def _check_alone(self, experiment: Experiment) -> None:
        other = await self._connection.scalar(
            sa.select(experiments.c.id).where(
                experiments.c.model == experiment.model.model,
                experiments.c.state.in_(ROUTED),
                experiments.c.id != experiment.name.experiment,
            )
        )
        if other is not None:
            raise store.model_taken(experiment, str(ExperimentName(other)))


def _row(experiment: Experiment, change: int) -> dict[str, Any]:
    return {
        "model": experiment.model.model,
        "state": experiment.state,
        "revision": experiment.revision,
        "change": change,
        "body": records.dump(experiment),
        "evidence": experiment.verdict.evidence if experiment.verdict else "",
    }


def _experiment(row: sa.Row[Any]) -> Experiment:
    return records.load(row.body, revision=row.revision, evidence=row.evidence)
