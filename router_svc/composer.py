"""Turns what is heard into tables, or follows the router that does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from algolink.errors import Unavailable
from chassis.watch import Notifier, first_of
from mesh import resources
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication, Published
from router_svc.decisions import Decisions
from router_svc.domain import state as states
from router_svc.domain.memory import Memory
from router_svc.domain.records import Lease, Outlook, RouteRevision, changed_routes
from router_svc.domain.state import State
from router_svc.domain.world import Policy, World
from router_svc.exchange import Exchange
from router_svc.heard import Heard
from router_svc.replicas import Replicas
from router_svc.store import Saved, Stored, SupersededError, Tables
from router_svc.view import View

_log = logging.getLogger(__name__)

_PACE_S = 0.005
"""Tables are made at most so often: what changes together (every replica becoming
ready, say) makes few. What changes alone does not wait."""

_RETRY_S = 1.0
_LOGGED = 10
_UNKNOWN = -1


class Composer:
    """The one writer of the state while this router holds the lease, its reader else.

    What the database holds is served at once; nothing else is served before it
    is in the database.

    Attributes:
        view: as of the last step.
        changes: notified when `view` changes.
        began: when this router began to compose; `None` while another one does.
    """

    def __init__(
        self,
        store: Tables,
        stored: Stored,
        *,
        exchange: Exchange,
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
        self._exchange = exchange
        self._heard = heard
        self._decisions = decisions
        self._replicas = replicas
        self._fleet = fleet
        self._publication = publication
        self._policy = policy
        self._now = now
        self.began: datetime | None = None
        self._saves = stored.saves
        self._outlook = stored.outlook
        self._refused: State | None = None
        self._memory = Memory()
        self.view = View(
            state=stored.state,
            routes={model: r for model, r in stored.routes.items() if r.route is not None},
            outlook=Outlook(),
        )
        if stored.state.sequence > 0:
            publication.publish(
                stored.state.sequence, stored.state.snapshot, _built(stored.state, None)
            )

    async def run(self) -> None:
        """Composes after every change, or follows whoever does, until cancelled."""
        while True:
            try:
                if self._exchange.lease is None:
                    await self._follow()
                else:
                    await self._lead(self._exchange.lease)
            except Unavailable as error:
                _log.warning("database not reached", extra={"error": str(error)})
                await asyncio.sleep(_RETRY_S)

    async def _follow(self) -> None:
        """Takes over what another router writes, until this one holds the lease."""
        while self._exchange.lease is None:
            written, leases = self._exchange.states.count, self._exchange.changes.count
            await self._catch_up()
            await first_of(
                self._exchange.states.wait_beyond(written),
                self._exchange.changes.wait_beyond(leases),
            )

    async def _catch_up(self) -> None:
        saved = await self._store.newer(self.view.state, self._saves)
        if saved is None:
            return
        if saved.state.sequence != self.view.state.sequence:
            self._publish(saved)
        self._saves, self._outlook = saved.saves, saved.outlook
        self.view = View(
            state=saved.state,
            routes=self._routes(saved.changed),
            outlook=saved.outlook,
            traffic=self._decisions.traffic(),
        )
        self.changes.notify()

    def _publish(self, saved: Saved) -> None:
        built = _built(saved.state, self._publication.latest)
        self._publication.publish(saved.state.sequence, saved.state.snapshot, built)

    async def _lead(self, lease: Lease) -> None:
        """Composes under `lease` until it is lost.

        It begins with what the router before it wrote last, and as after a start:
        nothing is withdrawn before replicas had time to announce themselves.
        """
        await self._catch_up()
        self._memory, self._refused = Memory(), None
        self._replicas.doubt()
        self.began = self._now()
        loop = asyncio.get_running_loop()
        while self._exchange.lease == lease:
            counts = [notifier.count for notifier in self._sources]
            try:
                await self._settle_down(lease)
            except SupersededError:
                self._exchange.lose()
                break
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
        self._saves, self.began = _UNKNOWN, None

    @property
    def _sources(self) -> tuple[Notifier, ...]:
        return (
            self._decisions.changes,
            self._heard.changes,
            self._replicas.changes,
            self._fleet.changes,
            self._exchange.changes,
        )

    def _world(self) -> World:
        return replace(self._heard.world(self._replicas.all()), traffic=self._decisions.traffic())

    async def _settle_down(self, lease: Lease) -> None:
        """Steps until a step changes nothing."""
        while await self._step(lease):
            pass

    async def _step(self, lease: Lease) -> bool:
        at, began = self._now(), self.began
        assert began is not None  # noqa: S101 - only who leads takes steps
        world, decided = self._world(), self._decisions.number
        before = self.view.state
        settling = states.is_settling(
            world,
            before,
            known_before=self._replicas.known_before,
            started=began,
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
        outlook = Outlook(
            pending=step.pending,
            undone=step.undone,
            decided=decided,
            settling=settling,
            settled=world.complete and not settling,
        )
        try:
            built = self._built(step.state)
        except ValueError:
            shown = self.view.outlook
            outlook = replace(outlook, undone=shown.undone, decided=shown.decided)
            step = replace(step, state=before)
        if step.state is before:
            self._show(replace(self.view, outlook=outlook, traffic=world.traffic))
            if outlook != self._outlook:
                await self._store.save(before, before, [], outlook, epoch=lease.epoch)
                self._outlook = outlook
            return False
        changed = list(
            changed_routes(
                before.snapshot, step.state.snapshot, sequence=step.state.sequence, at=at
            )
        )
        await self._store.save(before, step.state, changed, outlook, epoch=lease.epoch)
        self._outlook = outlook
        if built is not None:
            self._publication.publish(step.state.sequence, step.state.snapshot, built)
            models = [revision.model for revision in changed][:_LOGGED]
            _log.info("table published", extra={"table": step.state.sequence, "changed": models})
        self._show(
            View(
                state=step.state,
                routes=self._routes(changed),
                outlook=outlook,
                traffic=world.traffic,
            )
        )
        return True

    def _show(self, view: View) -> None:
        if view != self.view:
            self.view = view
            self.changes.notify()

    def _built(self, after: State) -> resources.Resources | None:
        """Resources of the state's table if it is a new one.

        Raises:
            ValueError: if they are not sound. Serving what was served before is the
                better failure.
        """
        if after.sequence == self.view.state.sequence:
            return None
        if after == self._refused:
            raise ValueError("refused before")
        try:
            return _built(after, self._publication.latest)
        except ValueError as error:
            _log.exception("table refused", extra={"table": after.sequence, "error": str(error)})
            self._refused = after
            raise

    def _routes(self, changed: Sequence[RouteRevision]) -> Mapping[str, RouteRevision]:
        if not changed:
            return self.view.routes
        routes = dict(self.view.routes)
        for revision in changed:
            if revision.route is None:
                routes.pop(revision.model, None)
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
        if self.view.settling and self.began is not None:
            deadlines.append(self.began + self._policy.settle)
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
