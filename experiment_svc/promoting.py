"""Makes the winners of concluding experiments champions, across any crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from algolink.errors import Aborted, AlgoLinkError, Unavailable
from algolink.names import ExperimentName
from chassis import watch
from experiment_svc.domain import experiments, progress
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.registry import CHAMPION_MOVED, Registry
from experiment_svc.store import Store

_log = logging.getLogger(__name__)

BACKOFF_MIN_S = 0.2
BACKOFF_MAX_S = 10.0


@dataclass(frozen=True, slots=True)
class _Wait:
    """When to ask again for an experiment, by the event loop's clock."""

    until: float
    backoff_s: float


class Promoter:
    """Asks the registry until it has moved the alias, then closes the experiment.

    The registry is asked outside any transaction; asking twice changes nothing,
    so a crash between its answer and ours is mended by asking again. What the
    registry refuses is asked again too, since people may mend it, but not for
    ever: after `patience`, or at once where somebody else has moved the champion,
    the experiment is stopped with the refusal on record.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        now: Callable[[], datetime],
        *,
        patience: timedelta = timedelta(minutes=10),
    ) -> None:
        self._patience = patience
        self._store = store
        self._registry = registry
        self._now = now
        self._waits: dict[ExperimentName, _Wait] = {}

    async def run(self, *, poll_s: float = 1.0) -> None:
        """Promotes until cancelled: at each write, and every `poll_s` seconds."""
        while True:
            seen = self._store.notifier.count
            await self.promote_due()
            pause_s = min(poll_s, self._shortest_wait_s(poll_s))
            await watch.first_of(self._store.notifier.wait_beyond(seen), timeout_s=pause_s)

    async def promote_due(self) -> None:
        """Asks once for each concluding experiment that does not wait."""
        async with self._store.reading() as reading:
            concluding = await reading.experiments_in(State.CONCLUDING)
        names = {experiment.name for experiment in concluding}
        self._waits = {name: wait for name, wait in self._waits.items() if name in names}
        now_s = asyncio.get_running_loop().time()
        for experiment in concluding:
            wait = self._waits.get(experiment.name)
            if wait is None or wait.until <= now_s:
                await self._promote(experiment)

    async def _promote(self, experiment: Experiment) -> None:
        if experiment.verdict is None:
            raise ValueError(f"{experiment.name} is {experiment.state} without a verdict")
        try:
            revision = await self._registry.promote(experiment, experiment.verdict)
        except AlgoLinkError as error:
            self._postpone(experiment, error)
            if not isinstance(error, Unavailable | Aborted):
                await self._note(experiment, error)
            return
        async with self._store.transaction() as tx:
            present = await tx.get_experiment(experiment.name)
            if present.state is State.CONCLUDING:
                await tx.put_experiment(
                    experiments.promoted(present, model_revision=revision, at=self._now())
                )
        self._waits.pop(experiment.name, None)
        _log.info(
            "promoted",
            extra={
                "experiment": str(experiment.name),
                "winner": experiment.verdict.winner,
                "version": experiment.verdict.version,
                "model_revision": revision,
            },
        )

    async def _note(self, experiment: Experiment, error: AlgoLinkError) -> None:
        at = self._now()
        async with self._store.transaction() as tx:
            present = await tx.get_experiment(experiment.name)
            if present.state is not State.CONCLUDING:
                return
            noted = progress.refused(present, reason=error.reason, message=error.message, at=at)
            gave_up = error.reason == CHAMPION_MOVED or (
                noted.refusal is not None and at - noted.refusal.since >= self._patience
            )
            if gave_up:
                noted = experiments.stop(noted, at=at)
            if noted is not present:
                await tx.put_experiment(noted)
        if gave_up:
            self._waits.pop(experiment.name, None)
            _log.error(
                "promotion given up",
                extra={"experiment": str(experiment.name), "reason": error.reason},
            )

    def _postpone(self, experiment: Experiment, error: AlgoLinkError) -> None:
        """A refusal may be mended by people, so it is asked again too, but it is an error."""
        previous = self._waits.get(experiment.name)
        backoff_s = min(2 * previous.backoff_s, BACKOFF_MAX_S) if previous else BACKOFF_MIN_S
        refused = not isinstance(error, Unavailable | Aborted)
        if refused:
            backoff_s = BACKOFF_MAX_S
        until = asyncio.get_running_loop().time() + backoff_s
        self._waits[experiment.name] = _Wait(until, backoff_s)
        _log.log(
            logging.ERROR if refused else logging.WARNING,
            "promotion refused" if refused else "promotion postponed",
            extra={
                "experiment": str(experiment.name),
                "reason": error.reason,
                "cause": error.message,
                "retry_s": backoff_s,
            },
        )

    def _shortest_wait_s(self, default_s: float) -> float:
        now_s = asyncio.get_running_loop().time()
        waits = [max(0.0, wait.until - now_s) for wait in self._waits.values()]
        return min(waits, default=default_s)
