"""Who changed what, for the asyncio client."""

from __future__ import annotations

from algolink.audit_chain import Verified
from algolink.client import audit
from algolink.client.aio_transport import AioTransport
from algolink.registry.v1 import audit_pb2


class AsyncAudit:
    """Every change of the registry, in a chain; `AsyncClient.audit`."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def entries(self) -> list[audit_pb2.AuditEntry]:
        """All entries, oldest first."""
        return await self._transport.items(audit.list_entries(), self._timeout_s)

    async def status(self) -> audit_pb2.AuditStatus:
        """How long the chain is, and how far the sealer lags behind."""
        return await self._transport.unary(audit.get_status(), self._timeout_s)

    async def verify(self, *, known: tuple[int, str] | None = None) -> Verified:
        """Makes the chain again, here, from the entries."""
        status = await self.status()
        return audit.verify(await self.entries(), newest_sealed=status.newest_sealed, known=known)
