"""Every data plane that has asked for tables, and how far each is: Envoys, gRPC clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.watch import Notifier
from router_svc.domain.records import Envoy

FORGOTTEN_AFTER = timedelta(hours=24)
"""An Envoy that was not seen for this long no longer holds back an unload."""

CLIENT_FORGOTTEN_AFTER = timedelta(minutes=10)
"""The same for a gRPC client: most of those that are gone have ended."""

PROXYLESS = "proxyless/"
"""What the ids of gRPC clients begin with here."""


@dataclass(slots=True)
class Node:
    """One Envoy, or one gRPC client.

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

    @property
    def sends(self) -> bool:
        """Whether requests may come from it; a gRPC client without a table sends none."""
        return self.connected and (self.acknowledged > 0 or not self.id.startswith(PROXYLESS))

    def counts(self, now: datetime) -> bool:
        """Whether it holds back an unload."""
        is_client = self.id.startswith(PROXYLESS)
        return self.connected or now < self.seen + (
            CLIENT_FORGOTTEN_AFTER if is_client else FORGOTTEN_AFTER
        )


class Fleet:
    """Data planes by node id.

    Attributes:
        changes: notified when one comes, goes, or acknowledges.
    """

    def __init__(self, now: Callable[[], datetime], known: Iterable[Envoy] = ()) -> None:
        self.changes = Notifier()
        self._now = now
        self._streams = 0
        self._nodes = {e.id: Node(e.id, e.acknowledged, e.seen) for e in known}

    def nodes(self) -> list[Node]:
        """All of them, by id."""
        return [node for _, node in sorted(self._nodes.items())]

    def entry_of_client(self, client: str) -> str:
        """Id of the entry for a stream of a gRPC client.

        Several processes may share one bootstrap, and so one id: each has an entry
        of its own, and one that comes back has that of one that is gone.
        """
        entry, number = f"{PROXYLESS}{client}", 1
        while entry in self._nodes and self._nodes[entry].connected:
            number += 1
            entry = f"{PROXYLESS}{client}#{number}"
        return entry

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
        """Sequence of the newest table that all who count have; `None` without any."""
        now = self._now()
        registered = [node for node in self._nodes.values() if node.counts(now)]
        return min((node.acknowledged for node in registered), default=None)

    def is_live(self, sequence: int) -> bool:
        """Whether some send requests, and each has taken table `sequence` or a later one."""
        sending = [node for node in self._nodes.values() if node.sends]
        return bool(sending) and all(node.acknowledged >= sequence for node in sending)

    def forget_long_gone(self) -> list[str]:
        """Drops those that were not seen for too long and returns their ids."""
        now = self._now()
        gone = [node.id for node in self._nodes.values() if not node.counts(now)]
        for node_id in gone:
            del self._nodes[node_id]
        return gone
