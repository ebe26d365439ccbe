"""A running `algolink mesh sync`, as tests start, hear and stop it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.mesh import builders


class Sync:
    """A running `algolink mesh sync`, and what it said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[dict[str, Any]] = []

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line))

    async def until(self, event: str, revision: str | None = None) -> None:
        await builders.until(
            lambda: any(
                e["event"] == event and revision in (None, e.get("revision")) for e in self.events
            ),
            within_s=60,
        )

    async def stop(self) -> int:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        return await self._process.wait()


@contextlib.asynccontextmanager
async def syncing(folder: Path, *options: str) -> AsyncIterator[Sync]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "mesh", "sync", "--out", str(folder)),
        *("--settle-s", "0.5", "-o", "json", *options),
        stdout=asyncio.subprocess.PIPE,
    )
    sync = Sync(process)
    listening = asyncio.create_task(sync.listen())
    try:
        yield sync
    finally:
        assert await sync.stop() == 0
        await listening
