"""A store that lives as long as the process, for all routers in it: for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from router_svc.domain.records import AnnouncedReplica, Envoy, Lease, Outlook, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.traffic import Decision, meanwhile
from router_svc.store import News, Registered, Saved, Stored, SupersededError

_ALL = 2**31


class MemoryStore:
    """Implements `Store`."""

    def __init__(self) -> None:
        self._state = State()
        self._saves = 0
        self._outlook = Outlook()
        self._lease = Lease()
        self._routers: dict[str, int] = {}
        self._revisions: dict[str, list[RouteRevision]] = {}
        self._replicas: dict[tuple[str, str], AnnouncedReplica] = {}
        self._envoys: dict[str, Envoy] = {}
        self._decisions: dict[str, list[Decision]] = {}
        self._followers: set[Callable[[News], None]] = set()

    async def load(self) -> Stored:
        return Stored(
            state=self._state,
            saves=self._saves,
            outlook=self._outlook,
            routes={model: revisions[-1] for model, revisions in self._revisions.items()},
            replicas=tuple(announced.replica for announced in self._announced()),
            envoys=tuple(envoy for _, envoy in sorted(self._envoys.items())),
            decisions={model: decisions[-1] for model, decisions in self._decisions.items()},
        )

    async def save(
        self,
        before: State,  # noqa: ARG002 - what is kept whole is not written by difference
        after: State,
        revisions: Sequence[RouteRevision],
        outlook: Outlook,
        *,
        epoch: int,
    ) -> None:
        if epoch != self._lease.epoch:
            raise SupersededError
        self._state, self._outlook = after, outlook
        self._saves += 1
        for revision in revisions:
            self._revisions.setdefault(revision.model, []).append(revision)
        self._tell(News.STATE)

    async def newer(self, known: State, saves: int) -> Saved | None:
        if saves == self._saves:
            return None
        last = [revisions[-1] for revisions in self._revisions.values()]
        return Saved(
            state=self._state,
            saves=self._saves,
            outlook=self._outlook,
            changed=tuple(r for r in last if r.sequence > known.sequence),
        )

    async def history(self, model: str, *, limit: int) -> list[RouteRevision]:
        return self._revisions.get(model, [])[::-1][:limit]

    async def route_at(self, model: str, at: datetime) -> RouteRevision | None:
        return next((r for r in await self.history(model, limit=_ALL) if r.time <= at), None)

    async def add_decision(self, decision: Decision) -> Decision:
        decided = self._decisions.setdefault(decision.traffic.model, [])
        if decision.traffic.revision <= len(decided):
            raise meanwhile(decision)
        number = 1 + sum(len(of_model) for of_model in self._decisions.values())
        decided.append(replace(decision, number=number))
        self._tell(News.DECISIONS)
        return decided[-1]

    async def decisions_since(self, number: int) -> list[Decision]:
        every = [decision for of_model in self._decisions.values() for decision in of_model]
        return sorted((d for d in every if d.number > number), key=lambda d: d.number)

    async def decisions(self, model: str, *, limit: int) -> list[Decision]:
        return self._decisions.get(model, [])[::-1][:limit]

    async def decision_at(self, model: str, at: datetime) -> Decision | None:
        return next((d for d in await self.decisions(model, limit=_ALL) if d.time <= at), None)

    async def beat(self, router: str) -> None:
        self._routers[router] = self._routers.get(router, 0) + 1

    async def forget_router(self, router: str) -> None:
        self._routers.pop(router, None)

    async def take_lease(self, router: str, seen: Lease) -> Lease | None:
        if seen != self._lease:
            return None
        self._lease = Lease(router, seen.epoch + 1)
        self._tell(News.REGISTER)
        return self._lease

    async def give_lease(self, lease: Lease) -> None:
        if lease.epoch == self._lease.epoch:
            self._lease = replace(lease, router="")
            self._tell(News.REGISTER)

    async def registered(
        self,
        known: Mapping[tuple[str, str], AnnouncedReplica],  # noqa: ARG002 - nothing is read anew
    ) -> Registered:
        return Registered(
            lease=self._lease,
            routers=dict(self._routers),
            replicas=tuple(self._announced()),
            envoys=tuple(envoy for _, envoy in sorted(self._envoys.items())),
        )

    async def put_replica(self, announced: AnnouncedReplica) -> None:
        self._replicas[announced.replica.pool, announced.replica.id] = announced
        self._tell(News.REGISTER)

    async def renew_replica(self, announced: AnnouncedReplica) -> bool:
        key = announced.replica.pool, announced.replica.id
        if key not in self._replicas or self._replicas[key].router != announced.router:
            return False
        self._replicas[key] = replace(announced, told=self._replicas[key].told)
        return True

    async def delete_replica(self, pool: str, replica_id: str, *, router: str) -> None:
        announced = self._replicas.get((pool, replica_id))
        if announced is not None and announced.router == router:
            del self._replicas[pool, replica_id]
            self._tell(News.REGISTER)

    async def register_envoy(self, envoy_id: str, *, router: str, seen: datetime) -> int:
        before = self._envoys.get(envoy_id, Envoy(id=envoy_id, acknowledged=0, seen=seen))
        self._envoys[envoy_id] = replace(before, router=router, seen=seen)
        self._tell(News.REGISTER)
        return before.acknowledged

    async def put_envoy(self, envoy: Envoy, *, router: str) -> None:
        before = self._envoys.get(envoy.id)
        if before is not None and before.router == router:
            self._envoys[envoy.id] = envoy
            self._tell(News.REGISTER)

    async def delete_envoy(self, envoy_id: str) -> bool:
        deleted = self._envoys.pop(envoy_id, None) is not None
        self._tell(News.REGISTER)
        return deleted

    async def follow(self, notify: Callable[[News], None]) -> None:
        self._followers.add(notify)
        try:
            await asyncio.Event().wait()
        finally:
            self._followers.discard(notify)

    def _announced(self) -> list[AnnouncedReplica]:
        return [
            replace(announced, replica=replace(announced.replica, heard=False))
            for _, announced in sorted(self._replicas.items())
        ]

    def _tell(self, news: News) -> None:
        for follower in self._followers:
            follower(news)
