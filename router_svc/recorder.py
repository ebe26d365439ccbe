"""Keeps the database's view of replicas and Envoys, behind the traffic."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from algolink.errors import Unavailable
from chassis.watch import first_of
from router_svc.ads.fleet import Fleet, Node
from router_svc.domain.records import Envoy
from router_svc.domain.world import Replica
from router_svc.replicas import Replicas
from router_svc.store import Store, Stored

_log = logging.getLogger(__name__)

_RETRY_S = 1.0
_SEEN_EVERY = timedelta(minutes=10)


class Recorder:
    """Writes what changed, and a mere renewal at most twice a lease."""

    def __init__(
        self,
        store: Store,
        stored: Stored,
        *,
        replicas: Replicas,
        fleet: Fleet,
        lease: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._replicas = replicas
        self._fleet = fleet
        self._lease = lease
        self._now = now
        self._written = {(r.pool, r.id): r for r in stored.replicas}
        self._written_envoys = {envoy.id: envoy for envoy in stored.envoys}

    async def run(self) -> None:
        """Writes until cancelled; a database that fails is tried again."""
        while True:
            replicas, fleet = self._replicas.changes.count, self._fleet.changes.count
            try:
                await self._write_replicas()
                await self._write_envoys()
            except Unavailable as error:
                _log.warning("not written yet", extra={"error": str(error)})
                await asyncio.sleep(_RETRY_S)
                continue
            await first_of(
                self._replicas.changes.wait_beyond(replicas),
                self._fleet.changes.wait_beyond(fleet),
                timeout_s=self._lease.total_seconds() / 2,
            )

    async def _write_replicas(self) -> None:
        self._replicas.forget_long_gone()
        present = {(r.pool, r.id): r for r in self._replicas.all() if not r.draining}
        for pool, replica_id in self._written.keys() - present.keys():
            await self._store.delete_replica(pool, replica_id)
            del self._written[pool, replica_id]
        for key, replica in present.items():
            if self._is_news(replica, self._written.get(key)):
                await self._store.put_replica(replica)
                self._written[key] = replica

    def _is_news(self, replica: Replica, written: Replica | None) -> bool:
        if written is None:
            return True
        moved = (replica.grpc, replica.http) != (written.grpc, written.http)
        return moved or replica.renewed >= written.renewed + self._lease / 2

    async def _write_envoys(self) -> None:
        for envoy_id in self._fleet.forget_long_gone():
            await self._store.delete_envoy(envoy_id)
            self._written_envoys.pop(envoy_id, None)
        for node in self._fleet.nodes():
            envoy = self._record(node)
            written = self._written_envoys.get(node.id)
            if (
                written is None
                or written.acknowledged != envoy.acknowledged
                or envoy.seen >= written.seen + _SEEN_EVERY
            ):
                await self._store.put_envoy(envoy)
                self._written_envoys[node.id] = envoy

    def _record(self, node: Node) -> Envoy:
        seen = self._now() if node.connected else node.seen
        return Envoy(id=node.id, acknowledged=node.acknowledged, seen=seen)
