"""Ships the exposure log: read, send, and only then move the checkpoint.

A line is quarantined where it can never be delivered; every other trouble is
waited out. What was sent but not yet checkpointed is sent again after a crash,
and the experiment service counts it once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from opentelemetry import metrics

from algolink import files
from algolink.errors import AlgoLinkError, InvalidArgument
from algolink.experiment.v1 import facts_pb2
from algolink.spool import lines
from algolink.spool.checkpoint import Checkpoint, Position
from algolink.spool.log_files import LogFiles

_log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_LINES = 2_000

Record = Callable[[Sequence[facts_pb2.Exposure]], Awaitable[None]]
"""Returns once the exposures are on disk; raises `AlgoLinkError` if they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often things are tried.

    Attributes:
        poll_s: pause after there was nothing to ship.
        backoff_s: first pause after a failed delivery; it doubles.
        backoff_max_s: longest pause.
    """

    poll_s: float = 0.1
    backoff_s: float = 0.1
    backoff_max_s: float = 5.0


class Shipper:
    """Brings every line of a log to the experiment service.

    Attributes:
        oldest: when the request began that has waited longest to be acknowledged;
            UTC, None if nothing waits.
        given_up: files that were deleted unread, as the backlog was too large.
    """

    def __init__(
        self,
        log: LogFiles,
        checkpoint: Checkpoint,
        quarantine: Path,
        record: Record,
        *,
        reopen: Callable[[], Awaitable[None]],
        rotate_bytes: int,
        backlog_bytes: int | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Begins where `checkpoint` says.

        Args:
            quarantine: file that undeliverable lines are appended to.
            reopen: makes Envoy open its log anew.
            rotate_bytes: size at which the log is rotated.
            backlog_bytes: most bytes to keep of what is not acknowledged; over
                that the oldest file is given up. None keeps all.
        """
        self._log_files = log
        self._checkpoint = checkpoint
        self._quarantine = quarantine
        self._record = record
        self._reopen = reopen
        self._rotate_bytes = rotate_bytes
        self._backlog_bytes = backlog_bytes
        self._pace = pace or Pace()
        # One thread: work on disk that a cancelled call left behind ends before the next.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="exposure-log")
        progress = checkpoint.load()
        self._position = progress.position
        self._delivered = Counter(progress.delivered)
        self.oldest: datetime | None = None
        self.given_up = 0
        meter = metrics.get_meter(__name__)
        self._shipped = meter.create_counter(
            "algolink.mesh.exposures.shipped", description="Lines that were acknowledged."
        )
        self._quarantined = meter.create_counter(
            "algolink.mesh.exposures.quarantined", description="Lines that were set aside."
        )

    @property
    def position(self) -> Position | None:
        """How far everything is acknowledged."""
        return self._position

    def lag_bytes(self) -> int:
        """Bytes of the log that are not acknowledged yet."""
        return self._log_files.lag_bytes(self._position)

    async def run(self) -> None:
        """Ships until cancelled, and rotates the log, whether or not it can be shipped."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_within_bounds())
            while True:
                if not await self.ship_once():
                    await asyncio.sleep(self._pace.poll_s)

    async def survey(self) -> Counter[str]:
        """Requests of each experiment that the log ever held, delivered or not yet."""
        return await self._on_disk(self._survey)

    async def drain(self) -> None:
        """Ships all that is there; returns when nothing is left."""
        while await self.ship_once():
            pass

    def close(self) -> None:
        """Waits for work on disk that a cancelled call left behind; ships no more."""
        self._disk.shutdown()

    async def ship_once(self) -> bool:
        """Ships one batch; tells whether there was one."""
        given_up = self.given_up
        batch = await self._on_disk(self._log_files.next_batch, self._position, limit=BATCH_LINES)
        if batch is None:
            return False
        good, bad = _sorted(batch.lines)
        self.oldest = good[0][1].time.ToDatetime(UTC) if good else None
        refused = await self._deliver(good)
        if bad or refused:
            await self._on_disk(self._set_aside, [*bad, *refused])
        delivered = _count(good)
        delivered.subtract(_count(_sorted([line for line, _ in refused])[0]))
        await self._on_disk(self._move_to, batch.end, delivered, given_up)
        self.oldest = None
        return True

    def _move_to(self, end: Position, delivered: Counter[str], given_up: int) -> None:
        self._delivered.update(delivered)
        if self.given_up != given_up and self._position is not None:
            # The batch's file is gone meanwhile, and the position beyond it.
            end = self._position
        self._position = end
        try:
            self._checkpoint.save(end, {key: n for key, n in self._delivered.items() if n})
        except OSError as error:
            # A full disk: what is sent again counts once, and deleting makes room.
            _log.error("checkpoint not written", extra={"error": str(error)})
        self._log_files.delete_before(end)

    def _survey(self) -> Counter[str]:
        found, position = Counter(self._delivered), self._position
        while (batch := self._log_files.next_batch(position, limit=BATCH_LINES)) is not None:
            found.update(_count(_sorted(batch.lines)[0]))
            position = batch.end
        return found

    async def _deliver(
        self, batch: Sequence[tuple[bytes, facts_pb2.Exposure]]
    ) -> list[tuple[bytes, str]]:
        """Records a batch, however long it takes; returns lines that are refused for good.

        A refused batch is halved until the line is found that is to blame.
        """
        if not batch:
            return []
        backoff_s = self._pace.backoff_s
        while True:
            try:
                await self._record([exposure for _, exposure in batch])
            except InvalidArgument as error:
                if len(batch) == 1:
                    return [(batch[0][0], str(error))]
                middle = len(batch) // 2
                return await self._deliver(batch[:middle]) + await self._deliver(batch[middle:])
            except AlgoLinkError as error:
                _log.warning(
                    "exposures not delivered",
                    extra={"lines": len(batch), "error": str(error), "again_in_s": backoff_s},
                )
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, self._pace.backoff_max_s)
            else:
                self._shipped.add(len(batch))
                return []

    async def _on_disk(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._disk, partial(work, *args, **kwargs))

    def _set_aside(self, bad: Sequence[tuple[bytes, str]]) -> None:
        for line, why in bad:
            _log.error("line quarantined", extra={"why": why, "length": len(line)})
            entry = {"why": why, "line": line.decode(errors="backslashreplace")}
            try:
                files.append(self._quarantine, json.dumps(entry).encode() + b"\n")
            except OSError as error:
                _log.error("quarantine not written", extra={"error": str(error)})
        self._quarantined.add(len(bad))

    async def _keep_within_bounds(self) -> None:
        while True:
            if await self._on_disk(self._log_files.rotate, over_bytes=self._rotate_bytes):
                await self._reopen()
            if self._backlog_bytes is not None:
                await self._on_disk(self._give_up, self._backlog_bytes)
            await asyncio.sleep(self._pace.poll_s)

    def _give_up(self, limit_bytes: int) -> None:
        while self.lag_bytes() > limit_bytes:
            position = self._log_files.drop_oldest(self._position)
            if position is None:
                return
            self._position = position
            self.given_up += 1
            _log.error("exposures given up: the backlog is too large", extra={"limit": limit_bytes})


def _sorted(
    raw: Sequence[bytes],
) -> tuple[list[tuple[bytes, facts_pb2.Exposure]], list[tuple[bytes, str]]]:
    """Lines with what they say, and those that say nothing with the reason."""
    good: list[tuple[bytes, facts_pb2.Exposure]] = []
    bad: list[tuple[bytes, str]] = []
    for line in raw:
        try:
            good.append((line, lines.exposure(line)))
        except lines.MalformedLine as error:
            tail = lines.whole_tail(line)
            try:
                good.append((tail, lines.exposure(tail)))
            except lines.MalformedLine:
                tail = b""
            bad.append((line.removesuffix(tail), str(error)))
    return good, bad


def _count(good: Sequence[tuple[bytes, facts_pb2.Exposure]]) -> Counter[str]:
    found = Counter(lines.experiment_of(exposure) for _, exposure in good)
    found.pop("", None)
    return found
