"""The asyncio client's part about routers and Envoys."""

from __future__ import annotations

from algolink.client import fleet
from algolink.client.aio_transport import AioTransport
from algolink.router.v1 import fleet_pb2 as pb


class AsyncFleetClient:
    """Shows routers and Envoys: `client.fleet`."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def get(self) -> pb.Fleet:
        """The routers of the installation and the Envoys of all of them."""
        return await self._transport.unary(fleet.get(), self._timeout_s)

    async def remove_envoy(self, envoy: str) -> None:
        """Forgets an Envoy that does not come back, and with it what it may still route to.

        Raises:
            NotFound: ENVOY_NOT_FOUND.
            FailedPrecondition: ENVOY_CONNECTED.
        """
        await self._transport.unary(fleet.remove_envoy(envoy), self._timeout_s)
