"""Keeps the children running, and ends them in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from algolink.errors import DeadlineExceeded
from cli.up.child import Child, describe
from cli.up.children import ChildSpec

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
STEADY_S = 30.0
"""A child that served this long starts again without a pause that grew."""

Note = Callable[[str], None]
"""Told what happens, one line each."""


class Supervisor:
    """Runs one process per spec.

    One that ends before it ever served fails the start: it would fail again.
    One that served and ends is started again, with pauses that grow.

    Args:
        specs: what to run.
        environment: of every child, below what its spec adds.
        note: told about each end and each restart.
        stop_grace_s: how long a child may take to end by itself.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        environment: Mapping[str, str],
        note: Note,
        stop_grace_s: float = 20.0,
    ) -> None:
        self.children = tuple(Child(spec, environment) for spec in specs)
        self._note = note
        self._stop_grace_s = stop_grace_s
        self._stopping = False
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self, timeout_s: float) -> None:
        """Starts all at once and returns when all serve.

        Raises:
            ChildFailed: CHILD_FAILED, if one ended before it served.
            DeadlineExceeded: START_TIMEOUT.
        """
        served = [asyncio.Event() for _ in self.children]
        self._keepers = [
            asyncio.create_task(self._keep(child, event))
            for child, event in zip(self.children, served, strict=True)
        ]
        everyone = asyncio.create_task(_all(served))
        try:
            await asyncio.wait(
                {everyone, *self._keepers},
                timeout=timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            self._raise_failure()
            if not everyone.done():
                missing = [
                    child.spec.name
                    for child, event in zip(self.children, served, strict=True)
                    if not event.is_set()
                ]
                raise DeadlineExceeded(
                    "START_TIMEOUT",
                    f"not ready after {timeout_s:g} s: {', '.join(missing)} "
                    f"(logs: {self.children[0].spec.log_file.parent})",
                    missing=", ".join(missing),
                )
        finally:
            everyone.cancel()

    async def failed(self) -> None:
        """Waits until keeping a child fails for a reason that is not the child's.

        Raises:
            OSError: if a process cannot be started any more, for example.
        """
        await asyncio.wait(self._keepers, return_when=asyncio.FIRST_EXCEPTION)
        self._raise_failure()

    async def stop(self) -> None:
        """Ends all children, stage by stage; each stage is gone before the next is asked."""
        self._stopping = True
        for stage in sorted({child.spec.stop_stage for child in self.children}):
            await asyncio.gather(
                *(
                    self._stop_one(child)
                    for child in self.children
                    if child.spec.stop_stage == stage
                )
            )
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def kill(self) -> None:
        """Ends all children at once."""
        self._stopping = True
        for child in self.children:
            child.kill()

    async def _stop_one(self, child: Child) -> None:
        if not await child.stop(self._stop_grace_s):
            self._note(f"{child.spec.name} did not stop within {self._stop_grace_s:g} s: killed")

    async def _keep(self, child: Child, served: asyncio.Event) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping:
            await child.start()
            if self._stopping:  # asked while it was being started
                await self._stop_one(child)
                return
            started = time.monotonic()
            if await child.serves():
                if served.is_set():
                    child.restarts += 1
                    self._note(f"{child.spec.name} serves again (pid {child.pid})")
                served.set()
            status = await child.exited()
            if self._stopping:
                return
            if not served.is_set():
                raise child.failure(status)
            if time.monotonic() - started > STEADY_S:
                pause_s = FIRST_PAUSE_S
            self._note(
                f"{child.spec.name} ended ({describe(status)}), restarting in {pause_s:.1f} s"
            )
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    def _raise_failure(self) -> None:
        for keeper in self._keepers:
            if keeper.done() and not keeper.cancelled() and (error := keeper.exception()):
                raise error


async def _all(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        await event.wait()
