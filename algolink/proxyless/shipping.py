"""Brings the spool to the experiment service, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from google.protobuf import empty_pb2

from algolink.client.calls import Call
from algolink.client.sync_transport import SyncTransport
from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import facts_pb2, losses_pb2
from algolink.proxyless.spool import Folder, Spool
from algolink.spool.checkpoint import Checkpoint
from algolink.spool.shipper import Shipper

_log = logging.getLogger(__name__)

SYNC_S = 0.25
_TIMEOUT_S = 10.0
_DISK_PAUSE_S = 1.0
_ROTATE_BYTES = 4 * 1024 * 1024


class Shipping:
    """Ships what this process appends, and what ended ones left behind."""

    def __init__(
        self, transport: SyncTransport, root: Path, folder: Folder, spool: Spool, *, node: str
    ) -> None:
        self._transport = transport
        self._root, self._folder, self._spool = root, folder, spool
        self._node = node
        self._run_id = str(uuid.uuid4())
        self._reported: Counter[str] = Counter()
        self._revision = 0
        self._closing = threading.Event()
        self._end = math.inf
        self._thread = threading.Thread(target=self._run, name="algolink-spool", daemon=True)

    def start(self) -> None:
        """Begins to ship."""
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Ships what is there, for at most `timeout_s` seconds; the rest is for later."""
        self._end = time.monotonic() + timeout_s
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._ship())

    async def _ship(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(_over_disk_errors(work))
                for work in (self._own, self._left_behind, self._tend)
            ]
            await asyncio.to_thread(self._closing.wait)
            for task in running:
                task.cancel()
        shipper = self._shipper(self._folder, self._spool)
        try:
            async with asyncio.timeout(self._remaining_s()):
                await shipper.drain()
                await self._report_losses()
        except (TimeoutError, OSError) as error:
            _log.warning("exposures left for the next process", extra={"error": str(error)})
        finally:
            shipper.close()

    def _remaining_s(self) -> float:
        return max(0.0, min(_TIMEOUT_S, self._end - time.monotonic()))

    async def _own(self) -> None:
        shipper = self._shipper(self._folder, self._spool)
        try:
            await shipper.run()
        finally:
            shipper.close()

    async def _left_behind(self) -> None:
        for folder in Folder.left_behind(self._root):
            shipper = self._shipper(folder, None)
            try:
                await shipper.drain()
            finally:
                shipper.close()
                folder.close()

    async def _tend(self) -> None:
        while True:
            await asyncio.to_thread(self._spool.sync)
            await self._report_losses()
            await asyncio.sleep(SYNC_S)

    async def _report_losses(self) -> None:
        """Says what found no room, so that no decision rests on it unnoticed."""
        lost = Counter({e: count for e, count in self._spool.dropped.items() if e})
        if lost == self._reported:
            return
        request = losses_pb2.ReportLossesRequest(
            node=self._node,
            run=self._run_id,
            revision=self._revision + 1,
            cause="the spool of a client without a proxy was full, or could not be written",
            losses=[
                losses_pb2.Loss(experiment=f"experiments/{experiment}", exposures=count)
                for experiment, count in sorted(lost.items())
            ],
        )
        request.time.FromDatetime(datetime.now(UTC))
        call = Call(
            path="/algolink.experiment.v1.LossService/ReportLosses",
            request=request,
            reply=empty_pb2.Empty,
        )
        with contextlib.suppress(AlgoLinkError):  # the next round tries again
            await asyncio.to_thread(self._transport.unary, call, self._remaining_s())
            self._reported, self._revision = lost, self._revision + 1
            _log.error("exposures lost", extra={"exposures": dict(lost)})

    def _shipper(self, folder: Folder, spool: Spool | None) -> Shipper:
        return Shipper(
            folder.log,
            Checkpoint(folder.path / "checkpoint.json"),
            folder.path / "quarantine.log",
            self._record,
            reopen=spool.reopen if spool is not None else _nothing,
            rotate_bytes=_ROTATE_BYTES,
        )

    async def _record(self, exposures: Sequence[facts_pb2.Exposure]) -> None:
        call = Call(
            path="/algolink.experiment.v1.FactService/RecordExposures",
            request=facts_pb2.RecordExposuresRequest(exposures=exposures, node=self._node),
            reply=facts_pb2.RecordResponse,
        )
        await asyncio.get_running_loop().run_in_executor(
            None, partial(self._transport.unary, call, self._remaining_s())
        )


async def _over_disk_errors(work: Callable[[], Awaitable[None]]) -> None:
    """Begins again after the disk failed: what is not acknowledged is still there."""
    while True:
        try:
            await work()
        except OSError as error:
            _log.error("spool: the disk failed", extra={"error": str(error)})
            await asyncio.sleep(_DISK_PAUSE_S)
        else:
            return


async def _nothing() -> None:
    """Nobody writes to what was left behind."""
