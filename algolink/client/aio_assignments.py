"""Who is in which arm, for the asyncio client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from algolink.client import assignments
from algolink.client.aio_transport import AioTransport
from algolink.experiment.v1 import assignment_pb2


class AsyncAssignments:
    """Where units are in an experiment; `AsyncClient.assignments`. To ask is no exposure."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def of(self, experiment: str, unit: str) -> assignment_pb2.Assignment:
        """The arm of a unit, and why."""
        return await self._transport.unary(assignments.one(experiment, unit), self._timeout_s)

    async def of_many(
        self, experiment: str, units: Iterable[str]
    ) -> AsyncIterator[tuple[str, str]]:
        """Each unit with its arm, in order; "" for what is no unit and is in none."""
        for batch, call in assignments.many(experiment, units):
            response = await self._transport.unary(call, self._timeout_s)
            for pair in zip(batch, assignments.arms(response), strict=True):
                yield pair
