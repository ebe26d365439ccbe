"""Turns what is heard into tables: composes, writes down, publishes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from algolink.errors import Unavailable
from chassis.watch import Notifier, first_of
from mesh import resources
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication, Published
from router_svc.decisions import Decisions
from router_svc.domain import state as states
from router_svc.domain.memory import Memory
from router_svc.domain.records import RouteRevision, changed_routes
from router_svc.domain.state import State
from router_svc.domain.traffic import Traffic
from router_svc.domain.world import Policy, World
from router_svc.heard import Heard
from router_svc.replicas import Replicas
from router_svc.store import Store, Stored

_log = logging.getLogger(__name__)

_PACE_S = 0.005
"""Tables are made at most so often: what changes together (every replica becoming
ready, say) makes few. What changes alone does not wait."""

_LOGGED = 10

_RETRY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the router shows and replicas are told.

    Attributes:
        routes: present revision of each route, by model.
        pending: what is on the way, by model.
        settling: whether replicas from before the start are still awaited.
        settled: whether `state.wanted` is the whole set.
        traffic: what people had decided, by model.
        undone: models for which not all of that is routed yet.
    """

    state: State
    routes: Mapping[str, RouteRevision]
    pending: Mapping[str, tuple[str, ...]]
    settling: bool
    settled: bool
    traffic: Mapping[str, Traffic] = field(default_factory=dict)
    undone: frozenset[str] = frozenset()

    def frozen(self, model: str) -> bool:
        """Whether the model's route stays as it is."""
        return model in self.traffic and self.traffic[model].frozen

    def is_foreign(self, model: str) -> bool:
        """Whether the model's replicas are servers that are not ours."""
        route, pools = self.state.snapshot.routes.get(model), self.state.snapshot.pools
        return route is not None and pools[route.pool].foreign

    def does(self, traffic: Traffic) -> bool:
        """Whether the table is what `traffic`, or a later decision, says."""
        known = self.traffic.get(traffic.model, Traffic(model=traffic.model))
        return known.revision >= traffic.revision and traffic.model not in self.undone


class Composer:
    """The one writer of the state.

    What the database holds is served at once; nothing else is served before it
    is in the database.

    Attributes:
        view: as of the last step.
        changes: notified when `view` changes.
    """

    def __init__(
        self,
        store: Store,
        stored: Stored,
        *,
        heard: Heard,
        decisions: Decisions,
        replicas: Replicas,
        fleet: Fleet,
        publication: Publication,
        policy: Policy,
        now: Callable[[], datetime],
    ) -> None:
        self.changes = Notifier()
        self._store = store
        self._heard = heard
        self._decisions = decisions
        self._replicas = replicas
        self._fleet = fleet
        self._publication = publication
        self._policy = policy
        self._now = now
        self._started = now()
        self._refused: State | None = None
        self._memory = Memory()
        self.view = View(
            state=stored.state,
            routes={model: r for model, r in stored.routes.items() if r.route is not None},
            pending={},
            settling=True,
            settled=False,
        )
        if stored.state.sequence > 0:
            publication.publish(
                stored.state.sequence, stored.state.snapshot, _built(stored.state, None)
            )

    async def run(self) -> None:
        """Composes after every change until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            counts = [notifier.count for notifier in self._sources]
            try:
                await self._settle_down()
            except Unavailable as error:
                _log.warning("table not written yet", extra={"error": str(error)})
                await asyncio.sleep(_RETRY_S)
                continue
            composed = loop.time()
            await first_of(
                *(n.wait_beyond(seen) for n, seen in zip(self._sources, counts, strict=True)),
                timeout_s=self._until_deadline_s(),
            )
            await asyncio.sleep(max(0.0, composed + _PACE_S - loop.time()))

    @property
    def _sources(self) -> tuple[Notifier, ...]:
        return (
            self._decisions.changes,
            self._heard.changes,
            self._replicas.changes,
            self._fleet.changes,
        )

    def _world(self) -> World:
        return replace(self._heard.world(self._replicas.all()), traffic=self._decisions.traffic())

    async def _settle_down(self) -> None:
        """Steps until a step changes nothing."""
        while await self._step():
            pass

    async def _step(self) -> bool:
        at = self._now()
        world = self._world()
        before = self.view.state
        settling = states.is_settling(
            world,
            before,
            known_before=self._replicas.known_before,
            started=self._started,
            at=at,
            policy=self._policy,
        )
        step = states.advance(
            before,
            world,
            at=at,
            settling=settling,
            acknowledged=self._fleet.acknowledged(),
            policy=self._policy,
            memory=self._memory,
        )
        changed = list(
            changed_routes(
                before.snapshot, step.state.snapshot, sequence=step.state.sequence, at=at
            )
        )
        advanced = step.state is not before and await self._adopt(before, step.state, changed)
        refused = step.state is not before and not advanced
        view = View(
            state=step.state if advanced else before,
            routes=self._routes(changed) if advanced else self.view.routes,
            pending=step.pending,
            settling=settling,
            settled=world.complete and not settling,
            traffic=self.view.traffic if refused else world.traffic,
            undone=self.view.undone if refused else step.undone,
        )
        if view != self.view:
            self.view = view
            self.changes.notify()
        return advanced

    async def _adopt(self, before: State, after: State, changed: Sequence[RouteRevision]) -> bool:
        """Writes the state, then publishes its table; False if the table is not sound."""
        if after == self._refused:
            return False
        is_new = after.sequence != before.sequence
        try:
            built = _built(after, self._publication.latest) if is_new else None
        except ValueError as error:
            # Serving what was served before is the better failure.
            _log.exception("table refused", extra={"table": after.sequence, "error": str(error)})
            self._refused = after
            return False
        await self._store.save(before, after, changed)
        if built is not None:
            self._publication.publish(after.sequence, after.snapshot, built)
            _log.info(
                "table published",
                extra={"table": after.sequence, "changed": [r.model for r in changed][:_LOGGED]},
            )
        return True

    def _routes(self, changed: Sequence[RouteRevision]) -> Mapping[str, RouteRevision]:
        if not changed:
            return self.view.routes
        routes = dict(self.view.routes)
        for revision in changed:
            if revision.route is None:
                del routes[revision.model]
            else:
                routes[revision.model] = revision
        return routes

    def _until_deadline_s(self) -> float | None:
        now = self._now()
        deadlines = [
            states.next_deadline(
                self.view.state,
                self._world(),
                at=now,
                policy=self._policy,
            )
        ]
        if self.view.settling:
            deadlines.append(self._started + self._policy.settle)
        waits = [(deadline - now).total_seconds() for deadline in deadlines if deadline]
        return max(0.0, min(waits)) if waits else None


def _built(state: State, published: Published | None) -> resources.Resources:
    """Resources of the state's table.

    Raises:
        ValueError: if they are not sound.
    """
    before = published.resources if published else None
    built = resources.build(state.snapshot, before)
    resources.check(built, before)
    return built
