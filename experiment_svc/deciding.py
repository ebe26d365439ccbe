"""Concludes experiments whose rule says so, without being asked."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from algolink.errors import AlgoLinkError
from experiment_svc import evaluation, policing
from experiment_svc.chronicling import Chronicler
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.domain.policies import Action
from experiment_svc.store import Store

_log = logging.getLogger(__name__)

LEASE = "decider"
LEAST_LEASE = timedelta(seconds=3)

Mark = tuple[int, int]
"""Revision of an experiment, and the number of facts."""


class Decider:
    """Looks at running experiments, and concludes those that are decided.

    Whatever is lost by a crash is found again by the next look; what is decided is
    one transaction, which finds nothing to do when it comes again. Of several
    services on one database one looks, the holder of a lease; one that was slow and
    has lost it meanwhile writes nothing.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._holder = uuid.uuid4().hex
        self._lease = LEAST_LEASE
        self._store = store
        self._now = now
        self._chronicler = Chronicler(store, LEASE, now)
        self._seen: dict[str, Mark] = {}

    async def run(self, *, period_s: float) -> None:
        """Looks every `period_s` seconds, or as seldom as keeps it to a fifth of the time."""
        clock = asyncio.get_running_loop().time
        while True:
            began_s = clock()
            await self.look_once()
            took_s = clock() - began_s
            pause_s = max(period_s, 4.0 * took_s)
            # It is renewed at every look, so it must outlast a pause and a slow look.
            self._lease = LEAST_LEASE + 2.0 * timedelta(seconds=pause_s + took_s)
            await asyncio.sleep(pause_s)

    async def look_once(self) -> None:
        """Decides what is due, and keeps the course of results, if this is who does."""
        async with self._store.reading() as reading:
            running = await reading.experiments_in(State.RUNNING)
            facts = await reading.facts_accepted()
            opened = await reading.open_series()
        due = [experiment for experiment in running if evaluation.may_be_due(experiment)]
        token = await self._take_lease() if running or opened else None
        if token is None:
            return
        self._seen = {
            name: mark
            for name, mark in self._seen.items()
            if any(name == experiment.name.experiment for experiment in due)
        }
        for experiment in due:
            mark = (experiment.revision, facts)
            # Windows close as time passes; without one only facts change results.
            if _moves_with_time(experiment) or self._seen.get(experiment.name.experiment) != mark:
                if experiment.policy is not None:
                    await self._apply_policy(experiment, token)
                else:
                    await self._look_at(experiment, token)
                self._seen[experiment.name.experiment] = mark
        await self._chronicler.look(running, opened, token)

    async def _take_lease(self) -> int | None:
        async with self._store.transaction() as tx:
            return await tx.take_lease(
                LEASE, holder=self._holder, at=self._now(), length=self._lease
            )

    async def _apply_policy(self, experiment: Experiment, token: int) -> None:
        """Looks without a lock first: mostly there is nothing to do."""
        async with self._store.reading() as reading:
            judgement = await policing.judge_now(reading, experiment, at=self._now())
            unheld = judgement.action is not Action.HOLD or experiment.awaiting
        if not unheld:
            return
        try:
            async with self._store.transaction() as tx:
                await tx.check_lease(LEASE, token)
                present = await tx.get_experiment(experiment.name)
                decision = await policing.act(tx, present, at=self._now())
        except AlgoLinkError as error:
            _log.info(
                "not decided", extra={"experiment": str(experiment.name), "reason": error.reason}
            )
            return
        if decision is not None:
            _log.info(
                "decided",
                extra={
                    "experiment": str(experiment.name),
                    "action": decision.action,
                    "waits": decision.waits,
                    "digest": decision.digest,
                },
            )

    async def _look_at(self, experiment: Experiment, token: int) -> None:
        async with self._store.reading() as reading:
            seen = await evaluation.look(reading, experiment, at=self._now())
        await evaluation.keep_p_values(self._store, experiment.name, seen)
        if not seen.recommendation.winner:
            return
        try:
            async with self._store.transaction() as tx:
                await tx.check_lease(LEASE, token)
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


def _moves_with_time(experiment: Experiment) -> bool:
    """Whether something may be due though no fact has come: windows close, holds end."""
    return experiment.policy is not None or any(
        measure.metric.window for measure in experiment.measures
    )
