"""Every Envoy that has asked for tables, and how far each is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.watch import Notifier
from router_svc.domain.records import Envoy

FORGOTTEN_AFTER = timedelta(hours=24)
"""An Envoy that was not seen for this long no longer holds back an unload."""


@dataclass(slots=True)
class Node:
    """One Envoy.

    Attributes:
        acknowledged: sequence of the newest table that it has taken in whole.
        seen: when it connected, or left; UTC.
        stream: number of its open stream; `None` while it is not connected.
        rejection: its words for what it refuses now; empty if it refuses nothing.
    """

    id: str
    acknowledged: int
    seen: datetime
    stream: int | None = None
    rejection: str = ""

    @property
    def connected(self) -> bool:
        return self.stream is not None


class Fleet:
    """Envoys by node id.

    Attributes:
        changes: notified when an Envoy comes, goes, or acknowledges.
    """

    def __init__(self, now: Callable[[], datetime], known: Iterable[Envoy] = ()) -> None:
        self.changes = Notifier()
        self._now = now
        self._streams = 0
        self._nodes = {e.id: Node(e.id, e.acknowledged, e.seen) for e in known}

    def nodes(self) -> list[Node]:
        """All Envoys, by id."""
        return [node for _, node in sorted(self._nodes.items())]

    def connect(self, node_id: str) -> int:
        """Notes an open stream and returns its number.

        An Envoy that reconnects before its old stream is known to be dead has
        the new one only.
        """
        self._streams += 1
        node = self._nodes.setdefault(node_id, Node(node_id, 0, self._now()))
        node.stream, node.seen, node.rejection = self._streams, self._now(), ""
        self.changes.notify()
        return self._streams

    def disconnect(self, node_id: str, stream: int) -> None:
        """Notes that a stream has ended."""
        node = self._nodes[node_id]
        if node.stream == stream:
            node.stream, node.seen = None, self._now()
            self.changes.notify()

    def report(
        self, node_id: str, stream: int, *, acknowledged: int | None, rejection: str
    ) -> None:
        """Notes how far the Envoy of a stream is.

        Args:
            acknowledged: sequence of a table that it has taken in whole; `None`
                for no news.
        """
        node = self._nodes[node_id]
        if node.stream != stream:
            return
        before = (node.acknowledged, node.rejection)
        node.rejection = rejection
        if acknowledged is not None:
            node.acknowledged = acknowledged
        if before != (node.acknowledged, node.rejection):
            self.changes.notify()

    def acknowledged(self) -> int | None:
        """Sequence of the newest table that every registered Envoy has; `None` without any."""
        horizon = self._now() - FORGOTTEN_AFTER
        registered = [n for n in self._nodes.values() if n.connected or n.seen > horizon]
        return min((node.acknowledged for node in registered), default=None)

    def is_live(self, sequence: int) -> bool:
        """Whether Envoys are connected and each has taken table `sequence` or a later one."""
        connected = [node for node in self._nodes.values() if node.connected]
        return bool(connected) and all(node.acknowledged >= sequence for node in connected)

    def forget_long_gone(self) -> list[str]:
        """Drops Envoys that were not seen for a day and returns their ids."""
        horizon = self._now() - FORGOTTEN_AFTER
        gone = [n.id for n in self._nodes.values() if not n.connected and n.seen <= horizon]
        for node_id in gone:
            del self._nodes[node_id]
        return gone
