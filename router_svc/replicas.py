"""Replicas as they announce themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.watch import Notifier
from router_svc.domain.world import Replica

FORGOTTEN_AFTER = timedelta(minutes=10)
"""A replica that has not been heard for this long is no longer shown."""


class Replicas:
    """The last announcement of each replica.

    Attributes:
        changes: notified when one says something new, or says anything after its
            lease had lapsed; a mere renewal changes nothing.
        known_before: (pool, id) of those that the database named at the start.
    """

    def __init__(
        self, known: Iterable[Replica], *, lease: timedelta, now: Callable[[], datetime]
    ) -> None:
        self.changes = Notifier()
        self._lease = lease
        self._now = now
        self._replicas = {(r.pool, r.id): r for r in known}
        self.known_before = frozenset(self._replicas)

    def all(self) -> list[Replica]:
        """All replicas that are not long gone, by pool and id."""
        return [replica for _, replica in sorted(self._replicas.items())]

    def alive(self, replica: Replica) -> bool:
        """Whether its lease holds."""
        return replica.alive(at=self._now(), lease=self._lease)

    def announce(self, replica: Replica) -> None:
        """Takes a replica's whole state."""
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

    def forget_long_gone(self) -> None:
        """Drops those that drained, and those that were not heard for long."""
        now = self._now()
        for key, replica in list(self._replicas.items()):
            if now >= replica.renewed + (self._lease if replica.draining else FORGOTTEN_AFTER):
                del self._replicas[key]
