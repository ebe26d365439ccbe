"""Who changed what, for the blocking client."""

from __future__ import annotations

from algolink.audit_chain import Verified
from algolink.client import audit
from algolink.client.sync_transport import SyncTransport
from algolink.registry.v1 import audit_pb2


class Audit:
    """Every change of the registry, in a chain; `Client.audit`."""

    def __init__(self, transport: SyncTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    def entries(self) -> list[audit_pb2.AuditEntry]:
        """All entries, oldest first."""
        return self._transport.items(audit.list_entries(), self._timeout_s)

    def status(self) -> audit_pb2.AuditStatus:
        """How long the chain is, and how far the sealer lags behind."""
        return self._transport.unary(audit.get_status(), self._timeout_s)

    def verify(self, *, known: tuple[int, str] | None = None) -> Verified:
        """Makes the chain again, here, from the entries.

        Args:
            known: number and hash of an entry as seen earlier; what was cut off
                the end, or made anew as a whole, shows only against it.

        Raises:
            FailedPrecondition: AUDIT_CHAIN_BROKEN.
        """
        status = self.status()
        return audit.verify(self.entries(), newest_sealed=status.newest_sealed, known=known)
