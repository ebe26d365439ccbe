"""A store that lives as long as the process: for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from router_svc.domain.records import Envoy, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.traffic import Decision, meanwhile
from router_svc.domain.world import Replica
from router_svc.store import Stored

_ALL = 2**31


class MemoryStore:
    """Implements `Store`."""

    def __init__(self) -> None:
        self._state = State()
        self._revisions: dict[str, list[RouteRevision]] = {}
        self._replicas: dict[tuple[str, str], Replica] = {}
        self._envoys: dict[str, Envoy] = {}
        self._decisions: dict[str, list[Decision]] = {}

    async def load(self) -> Stored:
        return Stored(
            state=self._state,
            routes={model: revisions[-1] for model, revisions in self._revisions.items()},
            replicas=tuple(
                replace(replica, versions={}, heard=False, draining=False)
                for _, replica in sorted(self._replicas.items())
            ),
            envoys=tuple(envoy for _, envoy in sorted(self._envoys.items())),
            decisions={model: decisions[-1] for model, decisions in self._decisions.items()},
        )

    async def save(
        self,
        before: State,  # noqa: ARG002 - what is kept whole is not written by difference
        after: State,
        revisions: Sequence[RouteRevision],
    ) -> None:
        self._state = after
        for revision in revisions:
            self._revisions.setdefault(revision.model, []).append(revision)

    async def history(self, model: str, *, limit: int) -> list[RouteRevision]:
        return self._revisions.get(model, [])[::-1][:limit]

    async def route_at(self, model: str, at: datetime) -> RouteRevision | None:
        return next((r for r in await self.history(model, limit=_ALL) if r.time <= at), None)

    async def add_decision(self, decision: Decision) -> None:
        decided = self._decisions.setdefault(decision.traffic.model, [])
        if decision.traffic.revision <= len(decided):
            raise meanwhile(decision)
        decided.append(decision)

    async def decisions(self, model: str, *, limit: int) -> list[Decision]:
        return self._decisions.get(model, [])[::-1][:limit]

    async def decision_at(self, model: str, at: datetime) -> Decision | None:
        return next((d for d in await self.decisions(model, limit=_ALL) if d.time <= at), None)

    async def put_replica(self, replica: Replica) -> None:
        self._replicas[replica.pool, replica.id] = replica

    async def delete_replica(self, pool: str, replica_id: str) -> None:
        self._replicas.pop((pool, replica_id), None)

    async def put_envoy(self, envoy: Envoy) -> None:
        self._envoys[envoy.id] = envoy

    async def delete_envoy(self, envoy_id: str) -> None:
        self._envoys.pop(envoy_id, None)
