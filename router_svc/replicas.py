"""Replicas as they announce themselves, to this router or another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.watch import Notifier
from router_svc.domain.records import AnnouncedReplica
from router_svc.domain.world import Replica

FORGOTTEN_AFTER = timedelta(minutes=10)
"""A replica that has not been heard for this long is no longer shown."""

Key = tuple[str, str]


class Replicas:
    """The last announcement of each replica.

    Attributes:
        changes: notified when one says something new, or says anything after its
            lease had lapsed; a mere renewal changes nothing.
        known_before: (pool, id) of those that the database named when this router
            began to compose.
        written: what routers have written down, by pool and id.
        arrivals: counts the replicas that turned to this router.
    """

    def __init__(
        self,
        known: Iterable[Replica],
        *,
        lease: timedelta,
        now: Callable[[], datetime],
        router: str = "",
    ) -> None:
        self.changes = Notifier()
        self._lease = lease
        self._now = now
        self._router = router
        self._replicas = {(r.pool, r.id): r for r in known}
        self._here: dict[Key, int] = {}
        self.arrivals = 0
        self.known_before = frozenset(self._replicas)
        self.written: dict[Key, AnnouncedReplica] = {}

    def all(self) -> list[Replica]:
        """All replicas that are not long gone, by pool and id."""
        return [replica for _, replica in sorted(self._replicas.items())]

    def here(self) -> list[Replica]:
        """Those that announce themselves to this router."""
        return [self._replicas[key] for key in sorted(self._here)]

    def alive(self, replica: Replica) -> bool:
        """Whether its lease holds."""
        return replica.alive(at=self._now(), lease=self._lease)

    def announce(self, replica: Replica) -> None:
        """Takes a replica's whole state, told to this router."""
        key = (replica.pool, replica.id)
        if key not in self._here:
            self.arrivals += 1
            self._here[key] = self.arrivals
        self._take(replica)

    def take(self, announced: Iterable[AnnouncedReplica], *, as_of: int) -> None:
        """Takes in what all routers have written down.

        Whoever is read for the first time is not heard yet: he may have been gone
        for long. Clocks of routers are not compared.

        Args:
            as_of: `arrivals` when it was read; of later ones it says nothing.
        """
        before, self.written = self.written, {(a.replica.pool, a.replica.id): a for a in announced}
        for key, now in self.written.items():
            was = before.get(key)
            is_here = key in self._here
            if is_here and (now.router == self._router or self._here[key] > as_of):
                continue
            if is_here and (was is None or _same(was, now)):
                continue
            if was is None:
                if key not in self._replicas:
                    self._take(now.replica)
            elif not _same(was, now):
                self._here.pop(key, None)
                self._take(replace(now.replica, heard=True, renewed=self._now()))
        for key in self._replicas.keys() - self.written.keys() - self._here.keys():
            del self._replicas[key]
            self.changes.notify()

    def doubt(self) -> None:
        """Counts everybody who does not announce himself here as not heard yet."""
        for key, replica in self._replicas.items():
            if key not in self._here:
                self._replicas[key] = replace(replica, heard=False)
        self.known_before = frozenset(self._replicas)
        self.changes.notify()

    def forget_long_gone(self) -> list[AnnouncedReplica]:
        """Drops those that drained or were not heard for long; those that others wrote down."""
        now, gone = self._now(), []
        for key, replica in list(self._replicas.items()):
            drained = replica.draining and key in self._here
            if now < replica.renewed + (self._lease if drained else FORGOTTEN_AFTER):
                continue
            del self._replicas[key]
            self._here.pop(key, None)
            if key in self.written:
                gone.append(self.written[key])
        return gone

    def _take(self, replica: Replica) -> None:
        key = (replica.pool, replica.id)
        before = self._replicas.get(key)
        self._replicas[key] = replica
        renewed_in_time = before is not None and replica.renewed < before.renewed + self._lease
        if (
            before is None
            or not renewed_in_time
            or replace(before, renewed=replica.renewed) != replica
        ):
            self.changes.notify()


def _same(was: AnnouncedReplica, now: AnnouncedReplica) -> bool:
    """Whether nothing was written about a replica between two looks."""
    return (was.router, was.replica.renewed, was.told) == (
        now.router,
        now.replica.renewed,
        now.told,
    )
