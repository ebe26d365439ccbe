"""What the routers of an installation know of one another, and which of them composes.

They meet in the database alone. A router lives while it counts its beats there;
the one that holds the lease composes, and when it has been silent for as long as
a lease lasts, another takes over. No clocks are compared, and a router that was
merely paused is refused when it writes: by then the lease has another epoch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from algolink.errors import Unavailable
from chassis.watch import Notifier, first_of
from router_svc.ads.fleet import Fleet
from router_svc.decisions import Decisions
from router_svc.domain.records import Lease
from router_svc.replicas import Replicas
from router_svc.store import News, Store

_log = logging.getLogger(__name__)

_BEATS_A_LEASE = 4
_FORGOTTEN_AFTER = timedelta(minutes=10)


class Exchange:
    """This router among the others.

    Attributes:
        lease: held by this router; `None` while another one composes.
        changes: notified when `lease` changes.
        states: notified when another router may have written the table.
    """

    def __init__(
        self,
        store: Store,
        router: str,
        *,
        replicas: Replicas,
        fleet: Fleet,
        decisions: Decisions,
        lease: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self.router = router
        self.lease: Lease | None = None
        self.changes = Notifier()
        self.states = Notifier()
        self._store = store
        self._replicas = replicas
        self._fleet = fleet
        self._decisions = decisions
        self._lasts = lease
        self._now = now
        self._has_led = False
        self._heard: dict[str, tuple[int, datetime]] = {}
        self._composer = ""
        self._news: set[News] = set(News)
        self._come = Notifier()

    @property
    def composer(self) -> str:
        """Id of the router that composes, as last read; empty if none does."""
        return self._composer

    def routers(self) -> dict[str, bool]:
        """Whether each router lives, by id."""
        now = self._now()
        return {router: self._lives(router, now) for router in sorted(self._heard)}

    async def run(self) -> None:
        """Beats and listens until cancelled."""
        await first_of(self._store.follow(self._hear), self._beat(), self._read())

    async def leave(self) -> None:
        """Lets the others know that this router ends."""
        try:
            if self.lease is not None:
                await self._store.give_lease(self.lease)
            await self._store.forget_router(self.router)
        except Unavailable as error:
            _log.warning("left without a word", extra={"error": str(error)})

    def lose(self) -> None:
        """Notes that another router composes."""
        if self.lease is not None:
            _log.warning("another router composes", extra={"epoch": self.lease.epoch})
            self.lease = None
            self.changes.notify()

    async def _beat(self) -> None:
        while True:
            try:
                await self._store.beat(self.router)
            except Unavailable as error:
                _log.warning("no beat", extra={"error": str(error)})
            self._news.update(News)
            self._come.notify()
            await asyncio.sleep(self._lasts.total_seconds() / _BEATS_A_LEASE)

    def _hear(self, news: News) -> None:
        self._news.add(news)
        self._come.notify()

    async def _read(self) -> None:
        while True:
            seen = self._come.count
            news, self._news = self._news, set()
            try:
                if News.DECISIONS in news:
                    await self._decisions.refresh()
                if News.STATE in news:
                    self.states.notify()
                if News.REGISTER in news:
                    await self._meet()
            except Unavailable as error:
                _log.warning("others not heard", extra={"error": str(error)})
            await self._come.wait_beyond(seen)

    async def _meet(self) -> None:
        at, registrations, arrivals = (
            self._now(),
            self._fleet.registrations,
            self._replicas.arrivals,
        )
        registered = await self._store.registered(self._replicas.written)
        for router, beats in registered.routers.items():
            if router not in self._heard or self._heard[router][0] != beats:
                self._heard[router] = beats, at
        for router in self._heard.keys() - registered.routers.keys():
            del self._heard[router]
        self._composer = registered.lease.router
        alive = {router for router in self._heard if self._lives(router, at)}
        self._replicas.take(registered.replicas, as_of=arrivals)
        self._fleet.take(registered.envoys, alive | {self.router}, as_of=registrations)
        await self._lead(registered.lease, at)

    def _lives(self, router: str, at: datetime) -> bool:
        known = self._heard.get(router)
        return known is not None and at < known[1] + self._lasts

    async def _lead(self, lease: Lease, at: datetime) -> None:
        """Takes the lease if nobody holds it any more."""
        if self.lease is not None:
            if lease != self.lease:
                self.lose()
            else:
                await self._forget_the_dead()
            return
        # A router that is started anew need not wait for itself.
        is_free = lease.router == "" or (lease.router == self.router and not self._has_led)
        if is_free or not self._lives(lease.router, at):
            self.lease = await self._store.take_lease(self.router, lease)
            if self.lease is not None:
                self._has_led, self._composer = True, self.router
                _log.info("composing", extra={"epoch": self.lease.epoch, "before": lease.router})
                self.changes.notify()

    async def _forget_the_dead(self) -> None:
        for router, (_, heard) in list(self._heard.items()):
            if self._now() > heard + _FORGOTTEN_AFTER:
                await self._store.forget_router(router)
