"""A store that lives as long as the process: for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from router_svc.domain.records import Envoy, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.world import Replica
from router_svc.store import Stored


class MemoryStore:
    """Implements `Store`."""

    def __init__(self) -> None:
        self._state = State()
        self._revisions: dict[str, list[RouteRevision]] = {}
        self._replicas: dict[tuple[str, str], Replica] = {}
        self._envoys: dict[str, Envoy] = {}

    async def load(self) -> Stored:
        return Stored(
            state=self._state,
            routes={model: revisions[-1] for model, revisions in self._revisions.items()},
            replicas=tuple(
                replace(replica, versions={}, heard=False, draining=False)
                for _, replica in sorted(self._replicas.items())
            ),
            envoys=tuple(envoy for _, envoy in sorted(self._envoys.items())),
        )

    async def save(self, state: State, revisions: Sequence[RouteRevision]) -> None:
        self._state = state
        for revision in revisions:
            self._revisions.setdefault(revision.model, []).append(revision)

    async def history(self, model: str, *, limit: int) -> list[RouteRevision]:
        return self._revisions.get(model, [])[::-1][:limit]

    async def put_replica(self, replica: Replica) -> None:
        self._replicas[replica.pool, replica.id] = replica

    async def delete_replica(self, pool: str, replica_id: str) -> None:
        self._replicas.pop((pool, replica_id), None)

    async def put_envoy(self, envoy: Envoy) -> None:
        self._envoys[envoy.id] = envoy

    async def delete_envoy(self, envoy_id: str) -> None:
        self._envoys.pop(envoy_id, None)
