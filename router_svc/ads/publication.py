"""The table that Envoys shall have now."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.watch import Notifier
from mesh.resources import CDS, Resources


@dataclass(frozen=True, slots=True)
class Published:
    """Resources of one table.

    Attributes:
        sequence: of the table.
    """

    sequence: int
    resources: Resources


class Publication:
    """Hands the latest table to every stream.

    Attributes:
        latest: `None` until there is one: no stream is answered before.
        changes: notified with every new one.
    """

    def __init__(self) -> None:
        self.latest: Published | None = None
        self.changes = Notifier()

    def publish(self, sequence: int, resources: Resources) -> None:
        """Replaces the table; it must be on disk already.

        Raises:
            ValueError: without a single cluster: an Envoy would take down all
                that it serves.
        """
        if not resources.by_type[CDS]:
            raise ValueError(f"table {sequence} has no clusters")
        self.latest = Published(sequence, resources)
        self.changes.notify()
