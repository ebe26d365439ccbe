"""A registry and a router that tests own, behind real gRPC."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from algolink.registry.v1 import registry_pb2, registry_pb2_grpc
from algolink.router.v1 import router_pb2, router_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class FakeRegistry(registry_pb2_grpc.RegistryServiceServicer):
    """Has artifacts by digest.

    Attributes:
        downloads: digests that were asked for, in order.
        tokens: `authorization` of each call.
    """

    def __init__(self) -> None:
        self.artifacts: dict[str, bytes] = {}
        self.downloads: list[str] = []
        self.tokens: list[object] = []

    def add(self, model: str, number: int, artifact: bytes) -> router_pb2.WantedVersion:
        """Stores an artifact; returns what a router says to have it loaded."""
        digest = hashlib.sha256(artifact).hexdigest()
        self.artifacts[digest] = artifact
        return router_pb2.WantedVersion(
            model=model, version=number, digest=digest, size_bytes=len(artifact)
        )

    async def DownloadArtifact(
        self, request: registry_pb2.DownloadArtifactRequest, context: Context
    ) -> AsyncIterator[registry_pb2.DownloadArtifactResponse]:
        self.downloads.append(request.digest)
        self.tokens.append(dict(context.invocation_metadata() or ()).get("authorization"))
        artifact = self.artifacts.get(request.digest)
        if artifact is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such artifact")
        for start in range(0, len(artifact), 64):
            yield registry_pb2.DownloadArtifactResponse(chunk=artifact[start : start + 64])


class FakeRouter(router_pb2_grpc.PlacementServiceServicer):
    """Says what is wanted, and keeps what replicas announce.

    Attributes:
        announced: every message, in order.
        streams: how many streams have been opened.
    """

    def __init__(self) -> None:
        self.announced: list[router_pb2.AnnounceRequest] = []
        self.streams = 0
        self._response: router_pb2.AnnounceResponse | None = None
        self._changed = asyncio.Condition()

    async def say(
        self, wanted: Iterable[router_pb2.WantedVersion], *, settled: bool = True
    ) -> None:
        """Sends this to every replica, now and when it connects."""
        async with self._changed:
            self._response = router_pb2.AnnounceResponse(wanted=wanted, settled=settled)
            self._changed.notify_all()

    async def until(
        self, is_so: Callable[[router_pb2.AnnounceRequest], bool], *, after: int = 0
    ) -> router_pb2.AnnounceRequest:
        """The first announcement that is so, not counting the first `after`."""
        async with asyncio.timeout(60), self._changed:
            while True:
                for request in self.announced[after:]:
                    if is_so(request):
                        return request
                await self._changed.wait()

    async def Announce(
        self, request_iterator: AsyncIterator[router_pb2.AnnounceRequest], context: Context
    ) -> AsyncIterator[router_pb2.AnnounceResponse]:
        self.streams += 1
        hearing = asyncio.ensure_future(self._hear(request_iterator))
        said: router_pb2.AnnounceResponse | None = None
        try:
            while True:
                async with self._changed:
                    while self._response is said:
                        await self._changed.wait()
                    said = self._response
                if said is not None:
                    yield said
        finally:
            hearing.cancel()

    async def _hear(self, requests: AsyncIterator[router_pb2.AnnounceRequest]) -> None:
        async for request in requests:
            async with self._changed:
                self.announced.append(request)
                self._changed.notify_all()


@asynccontextmanager
async def serving(
    servicer: FakeRegistry | FakeRouter, address: str = "127.0.0.1:0"
) -> AsyncIterator[str]:
    """Serves a neighbour; gives its address. Leaving it is its death: streams just end."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    if isinstance(servicer, FakeRegistry):
        registry_pb2_grpc.add_RegistryServiceServicer_to_server(servicer, server)
    else:
        router_pb2_grpc.add_PlacementServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
