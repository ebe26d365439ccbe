"""Definitions of metrics, for the asyncio client."""

from __future__ import annotations

from algolink.client import metrics
from algolink.client.aio_transport import AioTransport
from algolink.client.metrics import Definition
from algolink.experiment.v1 import metrics_pb2


class AsyncMetrics:
    """What experiments can measure; `AsyncClient.metrics`."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def create(self, name: str, definition: Definition) -> metrics_pb2.MetricVersion:
        """Defines a metric, or its next version; the same again changes nothing.

        Raises:
            InvalidArgument: METRIC_INVALID.
        """
        return await self._transport.unary(metrics.create(name, definition), self._timeout_s)

    async def get(self, name: str) -> metrics_pb2.MetricVersion:
        """The newest version of `revenue`, or the one that `revenue@2` names."""
        return await self._transport.unary(metrics.get(name), self._timeout_s)

    async def list(self, name: str | None = None) -> list[metrics_pb2.MetricVersion]:
        """The newest version of every metric, or all versions of one, newest first."""
        found = await self._transport.unary(metrics.list_all(name), self._timeout_s)
        return [*found.metrics]
