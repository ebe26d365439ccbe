"""The asyncio client's part about lost exposures."""

from __future__ import annotations

from algolink.client import losses
from algolink.client.aio_transport import AioTransport
from algolink.experiment.v1 import losses_pb2 as pb


class AsyncLossesClient:
    """Exposures that were lost before they could be counted: `client.losses`."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def unacknowledged(self) -> list[pb.Loss]:
        """Losses that keep their experiments' rules from acting, newest first."""
        reply = await self._transport.unary(losses.unacknowledged(), self._timeout_s)
        return list(reply.losses)

    async def acknowledge(self, experiment: str, *, note: str = "") -> list[pb.Loss]:
        """Takes note of an experiment's losses, so that its rule may act again.

        Args:
            experiment: its name.
            note: for the evidence, in your words.

        Returns:
            What was acknowledged.

        Raises:
            NotFound: EXPERIMENT_NOT_FOUND.
        """
        call = losses.acknowledge(experiment, note=note)
        reply = await self._transport.unary(call, self._timeout_s)
        return list(reply.losses)
