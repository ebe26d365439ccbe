"""A version's later life, for the asyncio client."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from algolink.client import lifecycle
from algolink.client.aio_transport import AioTransport
from algolink.registry.v1 import registry_pb2, versions_pb2


class AsyncLifecycle:
    """Notes on versions, and their retirement; `AsyncClient.lifecycle`."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def deprecate(
        self, name: str, number: int, *, reason: str = "", etag: str = ""
    ) -> registry_pb2.Version:
        """Advises against a version; aliases may still name it."""
        call = lifecycle.move("Deprecate", name, number, reason=reason, etag=etag)
        return await self._transport.unary(call, self._timeout_s)

    async def archive(
        self, name: str, number: int, *, reason: str = "", etag: str = ""
    ) -> registry_pb2.Version:
        """Retires a version: no alias can be pointed at it."""
        call = lifecycle.move("Archive", name, number, reason=reason, etag=etag)
        return await self._transport.unary(call, self._timeout_s)

    async def delete(
        self, name: str, number: int, *, reason: str = "", etag: str = ""
    ) -> registry_pb2.Version:
        """Deletes a version; until its `purge_time` it can be restored."""
        call = lifecycle.move("Delete", name, number, reason=reason, etag=etag)
        return await self._transport.unary(call, self._timeout_s)

    async def restore(
        self, name: str, number: int, *, reason: str = "", etag: str = ""
    ) -> registry_pb2.Version:
        """Makes a deprecated, archived or deleted version ready again."""
        call = lifecycle.move("Restore", name, number, reason=reason, etag=etag)
        return await self._transport.unary(call, self._timeout_s)

    async def annotate(
        self,
        name: str,
        number: int,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        remove_tags: Collection[str] = (),
        metrics: Mapping[str, float] | None = None,
        remove_metrics: Collection[str] = (),
        etag: str = "",
    ) -> registry_pb2.Version:
        """Changes a version's notes; what is not named stays."""
        call = lifecycle.annotate(
            name,
            number,
            description=description,
            tags=tags or {},
            remove_tags=remove_tags,
            metrics=metrics or {},
            remove_metrics=remove_metrics,
            etag=etag,
        )
        return await self._transport.unary(call, self._timeout_s)

    async def compare(
        self, name: str, base: int, candidate: int, *, candidate_name: str | None = None
    ) -> versions_pb2.Comparison:
        """Says whether callers of one version could be answered by another."""
        call = lifecycle.compare(name, base, candidate, candidate_model=candidate_name)
        return await self._transport.unary(call, self._timeout_s)
