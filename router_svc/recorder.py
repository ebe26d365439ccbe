"""Writes down who is connected to this router, behind the traffic."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from algolink.errors import Unavailable
from chassis.watch import first_of
from router_svc.ads.fleet import Fleet, Node
from router_svc.domain.records import AnnouncedReplica, Envoy
from router_svc.domain.world import Replica
from router_svc.replicas import Key, Replicas
from router_svc.store import Register

_log = logging.getLogger(__name__)

_RETRY_S = 1.0
_SEEN_EVERY = timedelta(minutes=10)


class Recorder:
    """Writes what changed, and a mere renewal at most twice a lease."""

    def __init__(
        self,
        store: Register,
        router: str,
        *,
        replicas: Replicas,
        fleet: Fleet,
        lease: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._router = router
        self._replicas = replicas
        self._fleet = fleet
        self._lease = lease
        self._now = now
        self._written: dict[Key, AnnouncedReplica] = {}
        self._streams: dict[str, tuple[int | None, Envoy]] = {}

    async def run(self) -> None:
        """Writes until cancelled; a database that fails is tried again."""
        while True:
            replicas, fleet = self._replicas.changes.count, self._fleet.changes.count
            try:
                await self._write_envoys()
                await self._write_replicas()
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
        for gone in self._replicas.forget_long_gone():
            await self._store.delete_replica(gone.replica.pool, gone.replica.id, router=gone.router)
        present = {(r.pool, r.id): r for r in self._replicas.here() if not r.draining}
        for pool, replica_id in self._written.keys() - present.keys():
            await self._store.delete_replica(pool, replica_id, router=self._router)
            del self._written[pool, replica_id]
        for key, replica in present.items():
            written = self._written.get(key)
            if written is None or self._says_more(replica, written.replica):
                news = AnnouncedReplica(
                    replica=replica, router=self._router, told=self._later_than(written)
                )
                await self._store.put_replica(news)
            elif replica.renewed >= written.replica.renewed + self._lease / 2:
                news = AnnouncedReplica(replica=replica, router=self._router, told=written.told)
                if not await self._store.renew_replica(news):
                    del self._written[key]  # written anew next time
                    continue
            else:
                continue
            self._written[key] = news

    def _later_than(self, written: AnnouncedReplica | None) -> datetime:
        if written is None:
            return self._now()
        return max(self._now(), written.told + timedelta(microseconds=1))

    def _says_more(self, replica: Replica, written: Replica) -> bool:
        return (
            replica.versions is not written.versions and replica.versions != written.versions
        ) or (replica.grpc, replica.http) != (written.grpc, written.http)

    async def _write_envoys(self) -> None:
        for envoy_id in self._fleet.long_gone():
            await self._store.delete_envoy(envoy_id)
            self._fleet.forget(envoy_id)
        for node in self._fleet.nodes():
            if node.stream is not None and not node.registered:
                await self._register(node, node.stream)
            if node.id in self._streams:
                await self._write_envoy(node)

    async def _register(self, node: Node, stream: int) -> None:
        acknowledged = await self._store.register_envoy(
            node.id, router=self._router, seen=self._now()
        )
        self._streams[node.id] = stream, self._record(node)
        self._fleet.register(node.id, stream, acknowledged=acknowledged)

    async def _write_envoy(self, node: Node) -> None:
        stream, written = self._streams[node.id]
        if node.router or (node.stream is not None and node.stream != stream):
            del self._streams[node.id]
            return
        envoy = self._record(node)
        if replace(written, seen=envoy.seen) != envoy or envoy.seen >= written.seen + _SEEN_EVERY:
            await self._store.put_envoy(envoy, router=self._router)
            self._streams[node.id] = stream, envoy
        if node.stream is None:
            del self._streams[node.id]

    def _record(self, node: Node) -> Envoy:
        is_here = node.stream is not None
        return Envoy(
            id=node.id,
            acknowledged=node.acknowledged,
            seen=self._now() if is_here else node.seen,
            router=self._router if is_here else "",
            rejection=node.rejection if is_here else "",
            refused=node.refused if is_here else frozenset(),
            taken=node.taken,
        )
