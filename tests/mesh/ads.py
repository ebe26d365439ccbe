"""A control plane for tests: delta ADS of whatever resources it is given."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from mesh import resources

_WILDCARD = (resources.CDS, resources.SRDS)


class ControlPlane(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):  # type: ignore[misc]  # untyped
    """Serves `resources` and each set that replaces it, one type after the other.

    Attributes:
        refused: Envoy's words for each update that it did not take.
        tokens: what each stream presented.
    """

    def __init__(self, initial: resources.Resources) -> None:
        self._wanted = initial
        self._changed = asyncio.Condition()
        self._acknowledged = 0
        self.refused: list[str] = []
        self.tokens: list[str] = []

    server: grpc.aio.Server | None = None

    async def stop(self) -> None:
        """Ends as a killed router does."""
        assert self.server is not None
        await self.server.stop(None)

    async def publish(self, wanted: resources.Resources) -> None:
        """Replaces what is served, and waits until Envoy has taken it."""
        async with self._changed:
            self._wanted = wanted
            self._changed.notify_all()
            await asyncio.wait_for(
                self._changed.wait_for(lambda: self.served is wanted or bool(self.refused)), 20
            )
        assert not self.refused

    served: resources.Resources | None = None

    async def DeltaAggregatedResources(
        self,
        request_iterator: AsyncIterator[discovery_pb2.DeltaDiscoveryRequest],
        context: grpc.aio.ServicerContext[
            discovery_pb2.DeltaDiscoveryRequest, discovery_pb2.DeltaDiscoveryResponse
        ],
    ) -> AsyncIterator[discovery_pb2.DeltaDiscoveryResponse]:
        metadata = dict(context.invocation_metadata() or ())
        self.tokens.append(str(metadata.get("authorization")))
        stream = _Stream()
        reader = asyncio.create_task(self._read(stream, request_iterator))
        try:
            while not reader.done():
                async with self._changed:
                    seen, wanted = stream.requests, self._wanted
                response = stream.next_response(wanted)
                if response is not None:
                    yield response
                    continue
                async with self._changed:
                    if not stream.awaiting and stream.subscribed.keys() >= set(resources.TYPES[:3]):
                        self.served = wanted
                        self._changed.notify_all()
                    await self._changed.wait_for(
                        lambda: (
                            reader.done()
                            or stream.requests != seen  # noqa: B023 - waits inside the loop
                            or self._wanted is not wanted  # noqa: B023 - the same
                        )
                    )
        finally:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

    async def _read(
        self,
        stream: _Stream,
        requests: AsyncIterator[discovery_pb2.DeltaDiscoveryRequest],
    ) -> None:
        try:
            async for request in requests:
                async with self._changed:
                    if request.HasField("error_detail"):
                        self.refused.append(request.error_detail.message)
                    stream.take(request)
                    self._changed.notify_all()
        finally:
            async with self._changed:
                self._changed.notify_all()


class _Stream:
    """What one Envoy asked for and was sent."""

    def __init__(self) -> None:
        self.subscribed: dict[str, set[str]] = {}
        self.sent: dict[str, dict[str, str]] = {}
        self.awaiting: dict[str, str] = {}
        self.requests = 0

    def take(self, request: discovery_pb2.DeltaDiscoveryRequest) -> None:
        self.requests += 1
        names = self.subscribed.setdefault(request.type_url, set())
        names |= set(request.resource_names_subscribe)
        names -= set(request.resource_names_unsubscribe)
        sent = self.sent.setdefault(request.type_url, {})
        for name in request.resource_names_unsubscribe:
            sent.pop(name, None)
        if self.awaiting.get(request.type_url) == request.response_nonce:
            self.awaiting.pop(request.type_url, None)

    def next_response(
        self, wanted: resources.Resources
    ) -> discovery_pb2.DeltaDiscoveryResponse | None:
        """The next type that differs, once what it refers to is acknowledged.

        Endpoints alone wait for nothing: Envoy acknowledges a new cluster only
        when it has them.
        """
        for type_url in resources.TYPES:
            if type_url not in self.subscribed or type_url in self.awaiting:
                continue
            if self.awaiting and type_url != resources.EDS:
                continue
            named: Mapping[str, resources.Resource] = {
                name: resource
                for name, resource in wanted.by_type[type_url].items()
                if type_url in _WILDCARD or name in self.subscribed[type_url]
            }
            first = type_url not in self.sent or (type_url in _WILDCARD and not self.sent[type_url])
            sent = self.sent.setdefault(type_url, {})
            added = [r for r in named.values() if sent.get(r.name) != r.version]
            removed = [] if type_url not in _WILDCARD else sorted(sent.keys() - named.keys())
            if not added and not removed and not first:
                continue
            self.sent[type_url] = {r.name: r.version for r in named.values()}
            self.awaiting[type_url] = f"{type_url} {self.requests}"
            return discovery_pb2.DeltaDiscoveryResponse(
                type_url=type_url,
                nonce=self.awaiting[type_url],
                resources=[
                    discovery_pb2.Resource(name=r.name, version=r.version, resource=r.body)
                    for r in added
                ],
                removed_resources=removed,
            )
        return None


@contextlib.asynccontextmanager
async def control_plane(initial: resources.Resources) -> AsyncIterator[tuple[ControlPlane, int]]:
    """A control plane on a free port."""
    servicer = ControlPlane(initial)
    server = servicer.server = grpc.aio.server()
    ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield servicer, port
    finally:
        await server.stop(None)
