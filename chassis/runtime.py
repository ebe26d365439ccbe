"""What the chassis lends to a service while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from chassis.health import Health


class Runtime:
    """Clock, health, drain signal and background tasks of one service.

    Attributes:
        name: of the service.
        draining: set when the service has stopped taking new work; every open
            stream ends on it.
        health: what `grpc.health.v1` answers.
    """

    def __init__(self, name: str, tasks: asyncio.TaskGroup) -> None:
        self.name = name
        self.draining = asyncio.Event()
        self.health = Health()
        self._tasks = tasks
        self._spawned: set[asyncio.Task[Any]] = set()

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.now(UTC)

    def spawn(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Runs `work` beside the service; its failure stops the service loudly.

        It is cancelled after the app's stack has been left. Work that uses what
        the stack opened belongs in `background` instead.
        """
        task = self._tasks.create_task(work, name=name)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task

    @asynccontextmanager
    async def background(
        self, work: Coroutine[Any, Any, Any], *, name: str
    ) -> AsyncIterator[asyncio.Task[Any]]:
        """Runs `work` while the block runs, then cancels it and waits for its end."""
        task = self.spawn(work, name=name)
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    def cancel_spawned(self) -> None:
        """Cancels what still runs beside the service."""
        for task in self._spawned:
            task.cancel()
