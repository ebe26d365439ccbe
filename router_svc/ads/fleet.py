"""Every data plane that has asked for tables, at this router or another, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
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
        taken: sequence of the newest table of which it has all but what it refuses.
        seen: when it connected, or left; UTC.
        stream: number of its open stream here; `None` while there is none.
        router: id of the other router that holds its stream; empty if none does.
        registered: place among the registrations of streams here, once it is on disk
            that its stream is here; 0 before.
        rejection: its words for what it refuses now; empty if it refuses nothing.
        refused: models whose routes it refuses.
    """

    id: str
    acknowledged: int
    seen: datetime
    stream: int | None = None
    router: str = ""
    registered: int = 0
    rejection: str = ""
    refused: frozenset[str] = frozenset()
    taken: int = 0

    @property
    def connected(self) -> bool:
        return self.stream is not None or bool(self.router)

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
        registrations: counts the streams that were registered here.
    """

    def __init__(
        self, now: Callable[[], datetime], known: Iterable[Envoy] = (), *, router: str = ""
    ) -> None:
        self.changes = Notifier()
        self._now = now
        self._router = router
        self._streams = 0
        self.registrations = 0
        self._nodes = {e.id: Node(e.id, e.acknowledged, e.seen, taken=e.taken) for e in known}

    def nodes(self) -> list[Node]:
        """All of them, by id."""
        return [node for _, node in sorted(self._nodes.items())]

    def get(self, node_id: str) -> Node | None:
        """One of them, if it is known."""
        return self._nodes.get(node_id)

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
        node.refused, node.router, node.registered = frozenset(), "", 0
        self.changes.notify()
        return self._streams

    def register(self, node_id: str, stream: int, *, acknowledged: int) -> None:
        """Notes that a stream is on disk.

        Args:
            acknowledged: sequence that the Envoy has acknowledged, at whichever
                router: it is never brought to an older table.
        """
        node = self._nodes.get(node_id)
        if node is not None and node.stream == stream:
            self.registrations += 1
            node.registered = self.registrations
            node.acknowledged = max(node.acknowledged, acknowledged)
            self.changes.notify()

    def disconnect(self, node_id: str, stream: int) -> None:
        """Notes that a stream has ended."""
        node = self._nodes.get(node_id)
        if node is not None and node.stream == stream:
            node.stream, node.seen = None, self._now()
            self.changes.notify()

    def report(
        self,
        node_id: str,
        stream: int,
        *,
        acknowledged: int | None,
        rejection: str,
        refused: Iterable[str] = (),
        taken: int | None = None,
    ) -> None:
        """Notes how far the Envoy of a stream is.

        Args:
            acknowledged: sequence of a table that it has taken in whole; `None`
                for no news.
            refused: models whose routes it refuses.
            taken: sequence of a table of which it has all but what it refuses;
                `None` for no news, or if `acknowledged` says as much.
        """
        node = self._nodes.get(node_id)
        if node is None or node.stream != stream:
            return
        before = _shown(node)
        node.rejection, node.refused = rejection, frozenset(refused)
        node.acknowledged = acknowledged if acknowledged is not None else node.acknowledged
        news = taken if taken is not None else acknowledged
        node.taken = news if news is not None else node.taken
        if before != _shown(node):
            self.changes.notify()

    def take(self, envoys: Iterable[Envoy], alive: Collection[str], *, as_of: int) -> None:
        """Takes in what all routers have written down.

        Args:
            as_of: `registrations` when it was read; of later ones it says nothing.
            alive: ids of the routers that live; a stream that another one held
                has ended with it.
        """
        before = [_shown(node) for node in self._nodes.values()]
        written = {envoy.id: envoy for envoy in envoys}
        for envoy in written.values():
            node = self._nodes.setdefault(envoy.id, Node(envoy.id, 0, envoy.seen))
            is_here = node.stream is not None
            is_known = 0 < node.registered <= as_of
            if is_here and (envoy.router == self._router or not is_known):
                continue
            elsewhere = envoy.router if envoy.router in alive else ""
            node.router = "" if elsewhere == self._router else elsewhere
            if envoy.router == self._router:
                # It has just left this router, which has yet to write down how far it was.
                node.acknowledged = max(node.acknowledged, envoy.acknowledged)
            else:
                node.seen, node.acknowledged = envoy.seen, envoy.acknowledged
                node.taken = envoy.taken
            node.stream = None
            node.rejection = envoy.rejection if node.connected else ""
            node.refused = envoy.refused if node.connected else frozenset()
        for node_id in [n.id for n in self._nodes.values() if n.stream is None]:
            if node_id not in written:
                del self._nodes[node_id]
        if [_shown(node) for node in self._nodes.values()] != before:
            self.changes.notify()

    def acknowledged(self) -> int | None:
        """Sequence of the newest table that all who count have; `None` without any."""
        now = self._now()
        registered = [node for node in self._nodes.values() if node.counts(now)]
        return min((node.acknowledged for node in registered), default=None)

    def is_live(self, sequence: int, model: str = "") -> bool:
        """Whether some send requests, and each does what table `sequence` says.

        Args:
            model: about which it matters; an Envoy that refuses another one's route
                does as it is told for this one. Empty for all.
        """
        sending = [node for node in self._nodes.values() if node.sends]
        return bool(sending) and all(_does(node, sequence, model) for node in sending)

    def rejections(self, model: str) -> tuple[str, ...]:
        """Which Envoys refuse the model's route, with their words."""
        refusing = [n for n in self._nodes.values() if model in n.refused]
        return tuple(sorted(f"{node.id}: {node.rejection}" for node in refusing))

    def long_gone(self) -> list[str]:
        """Ids of those that were not seen for too long."""
        now = self._now()
        return [node.id for node in self._nodes.values() if not node.counts(now)]

    def forget(self, node_id: str) -> None:
        """Drops an Envoy that is not connected."""
        node = self._nodes.get(node_id)
        if node is not None and not node.connected:
            del self._nodes[node_id]
            self.changes.notify()


def _does(node: Node, sequence: int, model: str) -> bool:
    if node.acknowledged >= sequence:
        return True
    return bool(model) and node.taken >= sequence and model not in node.refused


def _shown(node: Node) -> tuple[object, ...]:
    of_table = (node.acknowledged, node.taken, node.rejection, node.refused)
    return (node.id, node.connected, *of_table)
