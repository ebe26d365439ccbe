"""A gRPC client's xDS stream that asks and answers only what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.rpc import status_pb2

from algolink.names import XDS_TOKEN_KEY
from mesh.resources import CDS, EDS, LDS, RDS

SHORT = {LDS: "LDS", RDS: "RDS", CDS: "CDS", EDS: "EDS"}
_MESSAGES: dict[str, Any] = {
    LDS: listener_pb2.Listener,
    RDS: route_pb2.RouteConfiguration,
    CDS: cluster_pb2.Cluster,
    EDS: endpoint_pb2.ClusterLoadAssignment,
}


@dataclass(frozen=True)
class World:
    """One response, as a test wants to see it."""

    type_url: str
    nonce: str
    resources: dict[str, Any]

    @property
    def kind(self) -> str:
        return SHORT[self.type_url]

    @property
    def names(self) -> list[str]:
        return sorted(self.resources)


class ScriptedClient:
    """State-of-the-world xDS, spoken by hand."""

    def __init__(self, call: grpc.aio.StreamStreamCall[Any, Any], node: str, token: str) -> None:
        self._call = call
        self._node = node
        self._token = token
        self._named = False
        self._wants: dict[str, list[str]] = {}
        self.worlds: asyncio.Queue[World] = asyncio.Queue()

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(
        cls, line: grpc.aio.Channel, node: str = "app", token: str = ""
    ) -> AsyncIterator[ScriptedClient]:
        call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(line).StreamAggregatedResources()
        client = cls(call, node, token)
        reading = asyncio.ensure_future(client._read())
        try:
            yield client
        finally:
            call.cancel()
            reading.cancel()
            await asyncio.wait({reading})

    async def ask(self, type_url: str, names: Iterable[str]) -> None:
        """Says all that it wants of a type from now on."""
        self._wants[type_url] = list(names)
        await self._write(type_url)

    async def ack(self, world: World) -> None:
        await self._write(world.type_url, response_nonce=world.nonce)

    async def nack(self, world: World, why: str) -> None:
        await self._write(
            world.type_url,
            response_nonce=world.nonce,
            error_detail=status_pb2.Status(code=3, message=why),
        )

    async def world(self, kind: str) -> World:
        """The next response, which must be of this type."""
        world = await asyncio.wait_for(self.worlds.get(), 20)
        assert world.kind == kind, world
        return world

    async def accept(self, kind: str) -> World:
        """The next response, acknowledged."""
        world = await self.world(kind)
        await self.ack(world)
        return world

    async def nothing_comes(self) -> bool:
        """Whether the router has nothing to send: it has worked off a request by then."""
        await self._write("type.googleapis.com/unknown")
        for _ in range(20):
            await asyncio.sleep(0.005)
        return self.worlds.empty()

    async def take(self, model: str) -> None:
        """Asks for a model and for all that it leads to, as a channel does, and takes it."""
        await self.ask(LDS, [model])
        await self.accept("LDS")
        await self.ask(RDS, [model])
        routes = await self.accept("RDS")
        clusters = clusters_of(routes.resources[model])
        await self.ask(CDS, clusters)
        await self.accept("CDS")
        await self.ask(EDS, clusters)
        await self.accept("EDS")

    async def code(self) -> grpc.StatusCode:
        """The status that the stream ends with."""
        code: grpc.StatusCode = await self._call.code()
        return code

    async def _write(self, type_url: str, **fields: object) -> None:
        request = discovery_pb2.DiscoveryRequest(
            type_url=type_url, resource_names=self._wants.get(type_url, []), **fields
        )
        if not self._named:
            request.node.id = self._node
            request.node.metadata[XDS_TOKEN_KEY] = self._token
            self._named = True
        await self._call.write(request)

    async def _read(self) -> None:
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for response in self._call:
                messages = [_unpacked(response.type_url, body) for body in response.resources]
                named = {getattr(m, "name", "") or m.cluster_name: m for m in messages}
                self.worlds.put_nowait(World(response.type_url, response.nonce, named))


def clusters_of(routes: Any) -> list[str]:
    """Clusters that a route configuration leads to."""
    return sorted({r.route.cluster for host in routes.virtual_hosts for r in host.routes})


def _unpacked(type_url: str, body: Any) -> Any:
    message = _MESSAGES[type_url]()
    body.Unpack(message)
    return message
