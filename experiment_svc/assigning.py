"""What assigns units now: every experiment's plan, as new as the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from algolink.assignment import Plan, Standing
from algolink.names import ExperimentName
from experiment_svc.domain.design import UnitKind
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.store import Store, not_found

_STALE_S = 1.0
"""How long a write of another process may go unseen."""

_STANDING = {
    State.DRAFT: Standing.OFF,
    State.RUNNING: Standing.SPLIT,
    State.CONCLUDING: Standing.SPLIT,
    State.CONCLUDED: Standing.SETTLED,
    State.STOPPED: Standing.OFF,
}


def plan_of(experiment: Experiment) -> Plan:
    """What assigns the units of `experiment`."""
    standing = _STANDING[experiment.state]
    verdict = experiment.verdict
    return Plan(
        experiment=experiment.name.experiment,
        standing=standing,
        salt=experiment.salt,
        table=experiment.table,
        versions={arm.id: arm.version for arm in experiment.arms},
        winner=verdict.winner if verdict and standing is Standing.SETTLED else "",
        by_request=experiment.unit is UnitKind.REQUEST,
        phase=len(experiment.phases),
        revision=experiment.revision,
    )


class Plans:
    """Plans in memory, so that being asked costs no query.

    A write of this process is seen by whoever asks after it; one of another
    process on the same database within a second.

    Args:
        monotonic_s: a clock that only goes forward.
    """

    def __init__(self, store: Store, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic_s = monotonic_s
        self._plans: dict[ExperimentName, Plan] = {}
        self._change = 0
        self._seen_count = -1
        self._looked_s = -_STALE_S
        self._looking = asyncio.Lock()

    async def get(self, name: ExperimentName) -> Plan:
        """The plan of one experiment.

        Raises:
            NotFound: EXPERIMENT_NOT_FOUND.
        """
        await self._catch_up()
        plan = self._plans.get(name)
        if plan is None:
            raise not_found(name)
        return plan

    async def all(self) -> Sequence[Plan]:
        """The plans of all experiments, by name."""
        await self._catch_up()
        return [self._plans[name] for name in sorted(self._plans)]

    async def _catch_up(self) -> None:
        if self._is_fresh():
            return
        async with self._looking:
            if self._is_fresh():
                return
            # Before reading: what is written meanwhile is looked for again.
            count, now_s = self._store.notifier.count, self._monotonic_s()
            async with self._store.reading() as reading:
                changes = await reading.changes_since(self._change)
            for change in changes:
                self._plans[change.item.name] = plan_of(change.item)
                self._change = change.revision
            self._seen_count, self._looked_s = count, now_s

    def _is_fresh(self) -> bool:
        return (
            self._seen_count == self._store.notifier.count
            and self._monotonic_s() - self._looked_s < _STALE_S
        )
