"""Decisions about traffic, one after another, on disk before they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from algolink.errors import Aborted
from chassis.watch import Notifier
from router_svc.domain import traffic as rules
from router_svc.domain.traffic import Action, Decision, Traffic
from router_svc.store import DecisionLog

_ATTEMPTS = 5


class Decisions:
    """The last decision about each model.

    Attributes:
        changes: notified with every new one, of whichever router.
        number: of the newest that is known, and with it all before.
    """

    def __init__(
        self, store: DecisionLog, known: Mapping[str, Decision], *, now: Callable[[], datetime]
    ) -> None:
        self.changes = Notifier()
        self._store = store
        self._last = dict(known)
        self._traffic = {model: decision.traffic for model, decision in known.items()}
        self.number = max((decision.number for decision in known.values()), default=0)
        self._now = now
        self._deciding = asyncio.Lock()

    def last(self, model: str) -> Decision | None:
        """The last one about a model, if there was one."""
        return self._last.get(model)

    def traffic_of(self, model: str) -> Traffic:
        """What holds for a model."""
        decision = self._last.get(model)
        return decision.traffic if decision else Traffic(model=model)

    def traffic(self) -> Mapping[str, Traffic]:
        """What holds, by model; never changed in place."""
        return self._traffic

    async def decide(
        self,
        model: str,
        action: Action,
        rule: Callable[[Traffic], Traffic],
        *,
        etag: str,
        caller: str,
        reason: str,
        version: int = 0,
    ) -> None:
        """Applies `rule` to what holds; on disk when this returns.

        Raises:
            Aborted: ETAG_MISMATCH.
        """
        async with self._deciding:
            for attempt in range(_ATTEMPTS):
                before = self.traffic_of(model)
                rules.check_etag(before, etag)
                after = rule(before)
                if after == before:
                    return
                decision = Decision(
                    traffic=replace(after, revision=before.revision + 1),
                    action=action,
                    version=version,
                    caller=caller,
                    reason=reason,
                    time=self._now(),
                )
                try:
                    written = await self._store.add_decision(decision)
                except Aborted:
                    # Another router was faster. Who gave no etag wants it all the same.
                    await self.refresh()
                    if etag or attempt == _ATTEMPTS - 1:
                        raise
                else:
                    break
            if written.number == self.number + 1:
                self._take(written)
        if written.number > self.number:
            await self.refresh()

    async def refresh(self) -> None:
        """Takes in what other routers wrote.

        Raises:
            Unavailable: DATABASE_UNAVAILABLE.
        """
        for decision in await self._store.decisions_since(self.number):
            if decision.number > self.number:
                self._take(decision)

    def _take(self, decision: Decision) -> None:
        model = decision.traffic.model
        self.number = decision.number
        self._last[model] = decision
        self._traffic = {**self._traffic, model: decision.traffic}
        self.changes.notify()
