"""Notices what other processes write: at once where PostgreSQL tells, else within a second."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import asyncpg
import sqlalchemy as sa

from algolink.errors import Unavailable
from chassis import watch
from registry_svc.store import Store

_log = logging.getLogger(__name__)

CHANNEL: Final = "algolink_registry"
"""Where PostgreSQL tells of a change, when it is committed."""

_PAUSE_S: Final = 1.0


class Poller:
    """Looks once a second how many changes there have been, for all watches together.

    Args:
        changes: notified when there are more.
    """

    def __init__(self, store: Store, *, changes: watch.Notifier, pause_s: float = _PAUSE_S) -> None:
        self._store = store
        self._changes = changes
        self._pause_s = pause_s

    async def run(self) -> None:
        """Looks until cancelled; a database that is away is looked at again."""
        known: int | None = None
        while True:
            try:
                async with self._store.reading() as reader:
                    head = await reader.head()
                if head != known:
                    known = head
                    self._changes.notify()
            except Unavailable as error:
                _log.warning("changes not looked for", extra={"error": str(error)})
            await asyncio.sleep(self._pause_s)


class Listener:
    """Hears from PostgreSQL of every change as it is committed.

    Args:
        url: of the database.
        changes: notified of each, and whenever some may have been missed.
    """

    def __init__(self, url: str, *, changes: watch.Notifier, pause_s: float = _PAUSE_S) -> None:
        self._dsn = (
            sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        )
        self._changes = changes
        self._pause_s = pause_s

    async def run(self) -> None:
        """Listens until cancelled; a connection that ends is made anew."""
        while True:
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("not listening for changes", extra={"error": str(error)})
            await asyncio.sleep(self._pause_s)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, self._told)
            self._changes.notify()  # of what was changed while nobody listened
            await ended.wait()
        finally:
            await connection.close(timeout=self._pause_s)

    def _told(self, *_: Any) -> None:
        self._changes.notify()
