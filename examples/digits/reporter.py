"""Tells the experiment which digits were right."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from algolink.client import AsyncClient, Outcome
from examples.digits.answers import Answer

METRIC = "correct"
"""1 for a digit that was right, 0 for one that was not."""

_EVERY_S = 0.25


@dataclass(slots=True)
class Reporter:
    """Collects outcomes and records them in batches.

    Attributes:
        recorded: outcomes that are on disk.
    """

    client: AsyncClient
    recorded: int = 0
    _waiting: list[Outcome] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Takes what an answer was worth; a failed one is worth nothing."""
        if answer.error:
            return
        self._waiting.append(
            Outcome(
                unit=answer.unit,
                metric=METRIC,
                value=float(answer.correct),
                # Sending it again after a lost acknowledgement then counts once.
                event_id=answer.request_id,
            )
        )

    async def flush(self) -> None:
        """Records what has been collected."""
        batch, self._waiting = self._waiting, []
        if batch:
            response = await self.client.outcomes(batch)
            # A call that is sent again because its answer was lost finds its outcomes there.
            self.recorded += response.accepted + response.redelivered


@asynccontextmanager
async def reporting(client: AsyncClient) -> AsyncIterator[Reporter]:
    """A reporter that records by itself; on exit the rest is recorded too."""
    reporter, leaving = Reporter(client), asyncio.Event()

    async def record() -> None:
        while not leaving.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(leaving.wait(), _EVERY_S)
            await reporter.flush()
        await reporter.flush()  # what came while the last batch was on its way

    async with asyncio.TaskGroup() as group:
        group.create_task(record())
        try:
            yield reporter
        finally:
            leaving.set()
