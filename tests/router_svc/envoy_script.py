"""An Envoy that asks and answers only what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.rpc import status_pb2

from mesh.resources import CDS, EDS, RDS, SRDS

SHORT = {CDS: "CDS", EDS: "EDS", RDS: "RDS", SRDS: "SRDS"}


@dataclass(frozen=True)
class Update:
    """One response, as a test wants to see it."""

    kind: str
    nonce: str
    resources: Mapping[str, str]
    removed: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return sorted(self.resources)


class ScriptedEnvoy:
    """Delta xDS, spoken by hand."""

    def __init__(self, call: grpc.aio.StreamStreamCall[Any, Any], node: str) -> None:
        self._call = call
        self._node = node
        self._named = False
        self.updates: asyncio.Queue[Update] = asyncio.Queue()

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, line: grpc.aio.Channel, node: str) -> AsyncIterator[ScriptedEnvoy]:
        call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(line).DeltaAggregatedResources()
        envoy = cls(call, node)
        reading = asyncio.ensure_future(envoy._read())
        try:
            yield envoy
        finally:
            call.cancel()
            reading.cancel()
            await asyncio.wait({reading})

    async def ask(
        self, kind: str, names: Iterable[str] = (), *, holds: Mapping[str, str] | None = None
    ) -> None:
        """Subscribes; no names at first mean everything of a type."""
        await self._write(
            type_url=kind,
            resource_names_subscribe=list(names),
            initial_resource_versions=dict(holds or {}),
        )

    async def leave(self, kind: str, names: Iterable[str]) -> None:
        """Unsubscribes."""
        await self._write(type_url=kind, resource_names_unsubscribe=list(names))

    async def ack(self, update: Update) -> None:
        await self._write(type_url=_url(update.kind), response_nonce=update.nonce)

    async def nack(self, update: Update, why: str) -> None:
        await self._write(
            type_url=_url(update.kind),
            response_nonce=update.nonce,
            error_detail=status_pb2.Status(code=13, message=why),
        )

    async def update(self) -> Update:
        """The next response."""
        return await asyncio.wait_for(self.updates.get(), 5)

    async def accept(self, kind: str) -> Update:
        """The next response, which must be of this type; acknowledges it."""
        update = await self.update()
        assert update.kind == kind, update
        await self.ack(update)
        return update

    async def nothing_comes(self) -> bool:
        """Whether the router has nothing to send: it has worked off a request by then."""
        await self.ask("type.googleapis.com/unknown")
        for _ in range(20):
            await asyncio.sleep(0.005)
        return self.updates.empty()

    async def take_all(self) -> None:
        """Asks for everything, as an Envoy at its start, and takes it."""
        await self.ask(CDS)
        await self.ask(SRDS)
        clusters = await self.accept("CDS")
        await self.ask(EDS, clusters.names)
        await self.accept("EDS")
        scopes = await self.accept("SRDS")
        await self.ask(RDS, scopes.names)
        await self.accept("RDS")

    async def code(self) -> grpc.StatusCode:
        """The status that the stream ends with."""
        code: grpc.StatusCode = await self._call.code()
        return code

    async def _write(self, **fields: object) -> None:
        request = discovery_pb2.DeltaDiscoveryRequest(**fields)
        if not self._named:
            request.node.id = self._node
            self._named = True
        await self._call.write(request)

    async def _read(self) -> None:
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for response in self._call:
                self.updates.put_nowait(
                    Update(
                        kind=SHORT[response.type_url],
                        nonce=response.nonce,
                        resources={r.name: r.version for r in response.resources},
                        removed=tuple(response.removed_resources),
                    )
                )


def _url(kind: str) -> str:
    urls: dict[str, str] = {short: url for url, short in SHORT.items()}
    return urls[kind]
