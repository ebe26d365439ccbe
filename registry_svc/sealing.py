"""Chains the audit's entries, after the changes that they tell of are committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from algolink.errors import Unavailable
from chassis import watch
from registry_svc.domain import audit
from registry_svc.store import Store

_log = logging.getLogger(__name__)

_AT_ONCE = 1_000
_POLL_S = 1.0


class Sealer:
    """Seals whatever is not sealed yet; several may work on one database.

    Args:
        changes: notified after each write of this process; the writes of others
            are looked for every second.
    """

    def __init__(
        self, store: Store, *, now: Callable[[], datetime], changes: watch.Notifier
    ) -> None:
        self._store = store
        self._now = now
        self._changes = changes

    async def run(self) -> None:
        """Seals until cancelled; a database that is away is tried again."""
        while True:
            seen = self._changes.count
            try:
                while await self.seal() == _AT_ONCE:
                    continue
            except Unavailable as error:
                _log.warning("audit not sealed", extra={"error": str(error)})
                await asyncio.sleep(_POLL_S)
                continue
            await watch.first_of(self._changes.wait_beyond(seen), timeout_s=_POLL_S)

    async def seal(self) -> int:
        """Seals the oldest entries that are not; returns how many."""
        async with self._store.reading() as reader:
            last = await reader.newest_seal()
            if await reader.newest_entry() == (last.number if last else 0):
                return 0
        async with self._store.writing() as writer:
            last = await writer.newest_seal()
            found = await writer.list_entries(after=last.number if last else 0, limit=_AT_ONCE)
            made = audit.seals([each.entry for each in found], last=last, at=self._now())
            await writer.add_seals(made)
        return len(made)
