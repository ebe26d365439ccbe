"""Keeps what results were, so that their course can be shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from algolink.errors import AlgoLinkError
from algolink.names import ExperimentName
from experiment_svc import convert_series, evaluation
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.domain.series import SPACING, Point
from experiment_svc.store import Store

_log = logging.getLogger(__name__)

_REST = 20
"""Times as long as a look took, it rests: looking back is not to delay decisions."""


class Chronicler:
    """Adds points to the series of experiments, for the one who holds the lease.

    Args:
        lease: under which points are written.
        now: the clock; UTC.
    """

    def __init__(self, store: Store, lease: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._lease = lease
        self._now = now
        self._token = 0
        self._last: dict[ExperimentName, Point | None] = {}
        self._next: dict[ExperimentName, datetime] = {}

    async def look(
        self, running: Sequence[Experiment], opened: Sequence[ExperimentName], token: int
    ) -> None:
        """Looks at all whose time has come, and for the last time at those that ended.

        Args:
            running: experiments, as they were a moment ago.
            opened: whose series has no final point yet.
            token: of the lease.
        """
        if token != self._token:
            self._token = token
            self._last.clear()
            self._next.clear()
        present = {experiment.name: experiment for experiment in running}
        for name in [name for name in self._last if name not in present]:
            del self._last[name]
            self._next.pop(name, None)
        for name in [*present, *(name for name in opened if name not in present)]:
            try:
                await self._look_at(name, present.get(name))
            except AlgoLinkError as error:
                _log.info("no point kept", extra={"experiment": str(name), "reason": error.reason})

    async def _look_at(self, name: ExperimentName, running: Experiment | None) -> None:
        at = self._now()
        last = await self._last_of(name)
        unchanged = running is not None and last is not None and running.revision == last.revision
        if unchanged and at < self._next.get(name, at):
            return
        clock = asyncio.get_running_loop().time
        began_s = clock()
        async with self._store.reading() as reading:
            experiment = await reading.get_experiment(name)
            seen = await evaluation.look(reading, experiment, at=at)
        rest = timedelta(seconds=_REST * (clock() - began_s))
        self._next[name] = at + max(SPACING, rest)
        point = Point(
            experiment=name,
            time=at,
            revision=experiment.revision,
            changed=last is None or experiment.revision != last.revision,
            final=experiment.state is not State.RUNNING,
            body=convert_series.body(experiment, seen.results),
        )
        if last and last.body == point.body and not (point.changed or point.final):
            return
        async with self._store.transaction() as tx:
            await tx.check_lease(self._lease, self._token)
            await tx.lower_p_values(name, seen.lowered)
            self._last[name] = await tx.add_point(point)

    async def _last_of(self, name: ExperimentName) -> Point | None:
        if name not in self._last:
            async with self._store.reading() as reading:
                points = await reading.series_of(name)
            self._last[name] = points[-1] if points else None
        return self._last[name]
