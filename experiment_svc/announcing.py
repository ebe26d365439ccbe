"""Announces decisions of policies to a webhook, as CloudEvents."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from experiment_svc.domain.decision_log import Decision
from experiment_svc.store import Store

_log = logging.getLogger(__name__)

LEASE = "announcer"
LEASE_LENGTH = timedelta(seconds=60)
OLDEST = timedelta(days=1)
"""Older decisions are no news: nobody is told when a webhook is set, or back, after days."""

BATCH = 20
TIMEOUT_S = 10.0
BACKOFF_MAX_S = 60.0


class Announcer:
    """Posts each decision until the receiver takes it: at least once, in order.

    It is marked as told only after a 2xx answer, so a crash in between tells it again,
    under the same id. Of several services on one database one tells.

    Args:
        url: receives `application/cloudevents+json`; redirects are not followed.
        now: the clock; UTC.
    """

    def __init__(self, store: Store, url: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._url = url
        self._now = now
        self._holder = uuid.uuid4().hex

    async def run(self, *, poll_s: float = 1.0) -> None:
        """Announces until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        pause_s = poll_s
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                told = await self.announce_due(session)
                pause_s = poll_s if told else min(2.0 * pause_s, BACKOFF_MAX_S)
                await asyncio.sleep(pause_s)

    async def announce_due(self, session: aiohttp.ClientSession) -> bool:
        """Tells what is new; False if the receiver did not take one of them."""
        at = self._now()
        async with self._store.reading() as reading:
            due = await reading.unannounced(since=at - OLDEST, limit=BATCH)
        if not due:
            return True
        async with self._store.transaction() as tx:
            token = await tx.take_lease(LEASE, holder=self._holder, at=at, length=LEASE_LENGTH)
        if token is None:
            return True
        for decision in due:
            if not await self._post(session, decision):
                return False
            async with self._store.transaction() as tx:
                await tx.mark_announced(decision)
        return True

    async def _post(self, session: aiohttp.ClientSession, decision: Decision) -> bool:
        try:
            async with session.post(
                self._url,
                data=json.dumps(event(decision)),
                headers={"Content-Type": "application/cloudevents+json; charset=UTF-8"},
                allow_redirects=False,
            ) as answer:
                taken = 200 <= answer.status < 300
                cause = f"status {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            taken, cause = False, f"{type(error).__name__}: {error}"
        if not taken:
            _log.warning(
                "announcement postponed",
                extra={"experiment": str(decision.experiment), "cause": cause},
            )
        return taken


def event(decision: Decision) -> dict[str, Any]:
    """A decision as a CloudEvent 1.0 in structured JSON.

    The id is that of the decision: who gets it twice knows it by `source` and `id`.
    """
    return {
        "specversion": "1.0",
        "id": str(decision.number),
        "source": f"/algolink/{decision.experiment}",
        "type": "dev.algolink.experiment.decision.v1",
        "subject": str(decision.experiment),
        "time": decision.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {
            "experiment": str(decision.experiment),
            "number": decision.number,
            "action": decision.action,
            "waits": decision.waits,
            "reason": decision.reason,
            "winner": decision.winner,
            "digest": decision.digest,
        },
    }
