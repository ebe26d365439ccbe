"""The table that every data plane shall have now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from chassis.watch import Notifier
from mesh.proxyless import Proxyless
from mesh.resources import CDS, Resources
from mesh.table import Snapshot


@dataclass(frozen=True)
class Published:
    """One table, as each kind of data plane takes it.

    Attributes:
        sequence: of the table.
        resources: for Envoys.
    """

    sequence: int
    snapshot: Snapshot
    resources: Resources

    @cached_property
    def proxyless(self) -> Proxyless:
        """For gRPC clients."""
        return Proxyless(self.snapshot)


class Publication:
    """Hands the latest table to every stream.

    Attributes:
        latest: `None` until there is one: no stream is answered before.
        changes: notified with every new one.
    """

    def __init__(self) -> None:
        self.latest: Published | None = None
        self.changes = Notifier()

    def publish(self, sequence: int, snapshot: Snapshot, resources: Resources) -> None:
        """Replaces the table by `snapshot`, which must be on disk already.

        Raises:
            ValueError: without a single cluster: an Envoy would take down all
                that it serves.
        """
        if not resources.by_type[CDS]:
            raise ValueError(f"table {sequence} has no clusters")
        self.latest = Published(sequence, snapshot, resources)
        self.changes.notify()
