"""Ships what every run has logged, and finds out what it has lost.

A run is done with, and its folder deleted, once its Envoy has ended, all of its
lines are acknowledged, and what it lost is counted and reported.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from opentelemetry import metrics

from algolink.errors import AlgoLinkError
from algolink.spool.checkpoint import Checkpoint
from algolink.spool.log_files import LogFiles
from algolink.spool.shipper import Record, Shipper
from mesh_agent import losses
from mesh_agent.envoy_admin import EnvoyAdmin
from mesh_agent.losses import Ledger, Lost
from mesh_agent.runs import Run, Runs
from mesh_agent.statistics import Statistics

_log = logging.getLogger(__name__)

_WATCH_S = 0.2
_WATCHED_S = 1.0
"""An Envoy that was asked this long before its end was being watched."""
_SURE_AFTER = 2
"""Times in a row that lines have to be missing, as Envoy's counters are not read at once."""
_BACKOFF_MAX_S = 5.0

Report = Callable[[Run, Ledger], Awaitable[None]]
"""Returns once the losses are on disk; raises `AlgoLinkError` if they are not."""


class RunShipping:
    """The log of one run, and what it lost."""

    def __init__(
        self,
        run: Run,
        quarantine: Path,
        record: Record,
        *,
        rotate_bytes: int,
        backlog_bytes: int,
    ) -> None:
        self.run = run
        self.admin = EnvoyAdmin(run.folder)
        self.ledger = Ledger.load(run.ledger)
        self.shipper = Shipper(
            LogFiles(run.log, ended=lambda: self.has_ended),
            Checkpoint(run.checkpoint),
            quarantine,
            record,
            reopen=self._reopen,
            rotate_bytes=rotate_bytes,
            backlog_bytes=backlog_bytes,
        )
        self.has_ended = False
        meter = metrics.get_meter(__name__)
        self._lost = meter.create_counter(
            "algolink.mesh.exposures.lost", description="Exposures that are known to be lost."
        )
        self._alarms = meter.create_counter(
            "algolink.mesh.exposures.alarms",
            description="Times that exposures were found to be lost, or possibly lost.",
        )
        self._said = Statistics.load(run.statistics)
        self._failed_writes = self._said.failed_writes if self._said else 0
        self._given_up = 0
        self._cause = ""
        self._not_before_s = 0.0
        self._missing_before: list[dict[str, Lost]] = []

    async def look(self) -> None:
        """Finds out what Envoy logged and what of it is missing."""
        if not self.has_ended and self.run.process() is None:
            self.has_ended = True
        if self.has_ended:
            if not self.ledger.settled:
                await self._settle()
            return
        said = await self.admin.statistics(self._said)
        if said is None:
            return
        self._said = said
        try:
            said.save(self.run.statistics)
        except OSError as error:
            _log.error("statistics not written", extra={"error": str(error)})
        await self._audit(said)

    async def _audit(self, said: Statistics) -> None:
        """Compares what Envoy has counted with its lines, where that tells something."""
        if said.failed_writes > self._failed_writes:
            self._failed_writes = said.failed_writes
            self._cause = losses.WRITE_FAILED
            self._missing_before.clear()
            self._note(losses.losing(said, self.ledger.lost))
            return
        if self.shipper.given_up > self._given_up:
            self._given_up = self.shipper.given_up
            self._cause = losses.GIVEN_UP
            self._missing_before.clear()
        if said.buffered_bytes or not (self._cause or self.shipper.lag_bytes() == 0):
            return
        clock = asyncio.get_running_loop().time
        if clock() < self._not_before_s:
            return
        began_s = clock()
        found = losses.missing(said, await self.shipper.survey())
        # A large backlog takes its time to count: at most a fifth of all time.
        self._not_before_s = clock() + 4 * (clock() - began_s)
        self._missing_before = [*self._missing_before, found][-_SURE_AFTER:]
        if len(self._missing_before) == _SURE_AFTER:
            self._note(
                {
                    name: min((seen[name] for seen in self._missing_before), key=_count)
                    for name in found
                    if all(name in seen for seen in self._missing_before)
                }
            )
            self._cause = ""

    async def _settle(self) -> None:
        """Counts what a run lost whose Envoy has ended, for good."""
        survey = await self.shipper.survey()
        if self.run.was_told_to_end:
            lost = losses.missing(self._said, survey) if self._said else {}
        else:
            self._cause = losses.KILLED
            watched = self._said is not None and self._said.time_s > self._written_s() - _WATCHED_S
            lost = losses.killed(self._said, survey, watched=watched)
        self._note(lost, settled=True)

    def _note(self, lost: dict[str, Lost], *, settled: bool = False) -> None:
        before = self.ledger
        cause = self._cause or before.cause or losses.MISSING
        noted = before.found(lost, cause=cause, time_s=time.time())
        if settled:
            noted = replace(noted, settled=True)
        if noted == before:
            return
        self.ledger = noted
        self._save()
        if noted.revision == before.revision:
            return
        self._lost.add(max(0, _total(lost) - _total(before.lost)))
        self._alarms.add(1 if lost else 0)
        for name, each in lost.items():
            _log.error(
                "exposures lost",
                extra={
                    "experiment": name,
                    "exposures": each.exposures,
                    "at_least": each.at_least,
                    "cause": noted.cause,
                    "run": self.run.about.id,
                },
            )

    def reported(self, revision: int) -> None:
        """The experiment service knows this revision of the ledger."""
        self.ledger = replace(self.ledger, reported=revision)
        self._save()

    def is_done_with(self) -> bool:
        """Whether nothing of the run is needed any more."""
        return (
            self.has_ended
            and self.ledger.settled
            and self.ledger.is_reported
            and self.shipper.lag_bytes() == 0
        )

    def _save(self) -> None:
        try:
            self.ledger.save(self.run.ledger)
        except OSError as error:
            _log.error("losses not written", extra={"error": str(error)})

    def _written_s(self) -> float:
        """When Envoy wrote to its log last."""
        try:
            return self.run.log.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    async def _reopen(self) -> None:
        await self.admin.reopen_logs()


class Shipping:
    """All runs of one agent."""

    def __init__(self, runs: Runs, make: Callable[[Run], RunShipping], report: Report) -> None:
        self._runs = runs
        self._make = make
        self._report = report
        self._open: dict[str, RunShipping] = {}
        meter = metrics.get_meter(__name__)
        for name, unit, what, read in (
            ("lag", "By", "Bytes of the log that were not acknowledged yet.", _lag_bytes),
            ("age", "s", "Age of the oldest line that was not acknowledged yet.", _age_s),
        ):
            meter.create_observable_gauge(
                f"algolink.mesh.exposures.{name}",
                [self._observing(read)],
                unit=unit,
                description=what,
            )

    def _observing(
        self, read: Callable[[Iterable[RunShipping]], float]
    ) -> Callable[[metrics.CallbackOptions], list[metrics.Observation]]:
        return lambda _: [metrics.Observation(read(self._open.values()))]

    async def run(self) -> None:
        """Ships and looks for losses until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_forever())
            tasks.create_task(self._report_forever())
            shipped: dict[str, asyncio.Task[None]] = {}
            while True:
                self._find()
                # One after the other: a backlog of many runs takes the memory of one.
                of_ended = [each for each in self._open.values() if each.has_ended]
                wanted = [*of_ended[:1], *(e for e in self._open.values() if not e.has_ended)]
                for each in wanted:
                    name = each.run.about.id
                    if name not in shipped:
                        shipped[name] = tasks.create_task(each.shipper.run())
                for each in [each for each in of_ended if each.is_done_with()]:
                    if (task := shipped.pop(each.run.about.id, None)) is not None:
                        task.cancel()
                        await asyncio.wait({task})
                    self._close(each)
                    self._runs.remove(each.run)
                await asyncio.sleep(_WATCH_S)

    async def drain(self) -> None:
        """Ships and reports all that is there; returns when nothing is left."""
        self._find()
        for each in list(self._open.values()):
            await each.look()
            await each.shipper.drain()
            while not each.ledger.is_reported:
                if not await self._tell(each):
                    await asyncio.sleep(_WATCH_S)
            if each.is_done_with():
                self._close(each)
                self._runs.remove(each.run)

    def lag_bytes(self) -> int:
        """Bytes of all logs that are not acknowledged yet."""
        return _lag_bytes(self._open.values())

    def close(self) -> None:
        """Waits for work on disk that a cancelled call left behind; ships no more."""
        for each in self._open.values():
            each.shipper.close()

    def _close(self, each: RunShipping) -> None:
        each.shipper.close()
        del self._open[each.run.about.id]

    def _find(self) -> None:
        for run in self._runs.all():
            if run.about.id not in self._open:
                self._open[run.about.id] = self._make(run)

    async def _look_forever(self) -> None:
        while True:
            for each in list(self._open.values()):
                await each.look()
            await asyncio.sleep(_WATCH_S)

    async def _report_forever(self) -> None:
        backoff_s = _WATCH_S
        while True:
            open_runs = [each for each in self._open.values() if not each.ledger.is_reported]
            told = [await self._tell(each) for each in open_runs]
            backoff_s = _WATCH_S if all(told) else min(2 * backoff_s, _BACKOFF_MAX_S)
            await asyncio.sleep(backoff_s)

    async def _tell(self, each: RunShipping) -> bool:
        ledger = each.ledger
        try:
            await self._report(each.run, ledger)
        except AlgoLinkError as error:
            _log.warning("losses not reported", extra={"error": str(error)})
            return False
        each.reported(ledger.revision)
        return True


def _lag_bytes(runs: Iterable[RunShipping]) -> int:
    return sum(each.shipper.lag_bytes() for each in runs)


def _age_s(runs: Iterable[RunShipping]) -> float:
    waiting = [each.shipper.oldest for each in runs if each.shipper.oldest is not None]
    return (datetime.now(UTC) - min(waiting)).total_seconds() if waiting else 0.0


def _count(lost: Lost) -> int:
    return lost.exposures


def _total(lost: Mapping[str, Lost]) -> int:
    return sum(each.exposures for each in lost.values())
