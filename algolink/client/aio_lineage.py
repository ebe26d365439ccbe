"""Where versions came from, for the asyncio client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from algolink.client import lineage
from algolink.client.aio_transport import AioTransport
from algolink.registry.v1 import lineage_pb2


class AsyncLineageClient:
    """Where versions came from; `AsyncClient.lineage`. Versions are named `iris/3`, or whole."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def record(self, version: str, described: Mapping[str, Any]) -> lineage_pb2.Lineage:
        """Writes down where a version came from, once; see `Client.lineage`."""
        wanted = lineage.message(lineage.version_name(version), described)
        return await self._transport.unary(lineage.record(wanted), self._timeout_s)

    async def get(self, version: str) -> lineage_pb2.Lineage:
        """What was recorded of a version."""
        return await self._transport.unary(lineage.get(version), self._timeout_s)

    async def trace(
        self, start: str, direction: str = "both", *, depth: int = 0
    ) -> lineage_pb2.LineageGraph:
        """Follows lineage from a version, or from the uri of a dataset."""
        return await self._transport.unary(lineage.trace(start, direction, depth), self._timeout_s)

    async def users_of(
        self, uri: str, digest: str = "", *, in_production: bool = False
    ) -> list[lineage_pb2.DatasetUser]:
        """Versions that used a dataset, by themselves or through what they come from."""
        call = lineage.find_users(uri, digest, in_production=in_production)
        return list((await self._transport.unary(call, self._timeout_s)).users)
