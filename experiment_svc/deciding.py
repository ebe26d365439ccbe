"""Concludes experiments whose rule says so, without being asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from algolink.errors import AlgoLinkError
from experiment_svc import evaluation
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.store import Store

_log = logging.getLogger(__name__)

Mark = tuple[int, int]
"""Revision of an experiment, and the number of facts."""


class Decider:
    """Looks at running experiments, and concludes those that are decided.

    Whatever is lost by a crash is found again by the next look; a verdict is one
    transaction, and an experiment that has one is not looked at.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._seen: dict[str, Mark] = {}

    async def run(self, *, period_s: float) -> None:
        """Looks every `period_s` seconds, or as seldom as keeps it to a fifth of the time."""
        clock = asyncio.get_running_loop().time
        while True:
            began_s = clock()
            await self.look_once()
            await asyncio.sleep(max(period_s, 4.0 * (clock() - began_s)))

    async def look_once(self) -> None:
        """Looks at every experiment that may have to be concluded."""
        async with self._store.reading() as reading:
            running = await reading.experiments_in(State.RUNNING)
            facts = await reading.facts_accepted()
        due = [experiment for experiment in running if evaluation.may_be_due(experiment)]
        self._seen = {
            name: mark
            for name, mark in self._seen.items()
            if any(name == experiment.name.experiment for experiment in due)
        }
        for experiment in due:
            mark = (experiment.revision, facts)
            # Windows close as time passes; without one only facts change results.
            if _has_windows(experiment) or self._seen.get(experiment.name.experiment) != mark:
                await self._look_at(experiment)
                self._seen[experiment.name.experiment] = mark

    async def _look_at(self, experiment: Experiment) -> None:
        async with self._store.reading() as reading:
            seen = await evaluation.look(reading, experiment, at=self._now())
        await evaluation.keep_p_values(self._store, experiment.name, seen)
        if not seen.recommendation.winner:
            return
        try:
            async with self._store.transaction() as tx:
                present = await tx.get_experiment(experiment.name)
                concluded = await evaluation.conclude(tx, present, at=self._now())
        except AlgoLinkError as error:
            # Somebody stopped, ramped or concluded it between the two looks.
            _log.info(
                "not concluded", extra={"experiment": str(experiment.name), "reason": error.reason}
            )
            return
        verdict = concluded.verdict
        _log.info(
            "concluded",
            extra={
                "experiment": str(concluded.name),
                "winner": verdict and verdict.winner,
                "digest": verdict and verdict.digest,
            },
        )


def _has_windows(experiment: Experiment) -> bool:
    return any(measure.metric.window for measure in experiment.measures)
