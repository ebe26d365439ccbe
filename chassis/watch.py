"""Watches: everything as it is, a SYNCED mark, then what changes, until the drain."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from chassis import errors

T = TypeVar("T")


class Notifier:
    """Wakes everyone who waits for something to change.

    Counting makes it safe to read first and wait afterwards: a change between
    the two is not lost.
    """

    def __init__(self) -> None:
        self.count = 0
        self.closed = False
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wakes all who wait."""
        self.count += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """Wakes all who wait, now and later."""
        self.closed = True
        self.notify()

    async def wait_beyond(self, seen: int) -> None:
        """Returns once `count` has passed `seen`, or the notifier is closed."""
        if self.count > seen or self.closed:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What a resource, or its tombstone, became.

    Attributes:
        revision: of the whole collection, at this change; resumes after it.
        item: the latest whole state.
    """

    revision: int
    item: T


@dataclass(frozen=True, slots=True)
class Synced:
    """All that was there when the watch began has been sent.

    Attributes:
        revision: resumes from here.
    """

    revision: int


async def follow(
    read_since: Callable[[int], Awaitable[Sequence[Change[T]]]],
    notifier: Notifier,
    draining: asyncio.Event,
    since: int = 0,
    poll_s: float = 1.0,
    page: int | None = None,
) -> AsyncIterator[Change[T] | Synced]:
    """Follows a collection from revision `since` on; 0 is its whole state.

    Args:
        read_since: reads the latest state of each resource that changed after a
            revision, ascending by revision.
        notifier: notified after each write of this process.
        draining: ends the watch when set.
        poll_s: how often to look for writes of other processes, in seconds.
        page: how many changes a read gives at most; None if it gives all.

    Raises:
        Unavailable: DRAINING, when the service drains.
    """
    synced = False
    while not draining.is_set():
        seen = notifier.count
        changes = await read_since(since)
        for change in changes:
            since = change.revision
            yield change
        if page is not None and len(changes) >= page:
            continue  # there may be more
        if not synced:
            synced = True
            yield Synced(since)
        await first_of(notifier.wait_beyond(seen), draining.wait(), timeout_s=poll_s)
    raise errors.draining()


async def until_set(items: AsyncIterable[T], event: asyncio.Event) -> AsyncIterator[T]:
    """Passes `items` on until they end or `event` is set, whichever is first."""
    iterator = aiter(items)
    ended = asyncio.ensure_future(event.wait())
    following: asyncio.Future[T] | None = None
    try:
        while not event.is_set():
            following = asyncio.ensure_future(_next(iterator))
            await asyncio.wait({following, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            try:
                yield following.result()
            except StopAsyncIteration:
                return
    finally:
        await _cancel(ended)
        if following is not None:
            await _cancel(following)


async def first_of(*waits: Awaitable[object], timeout_s: float | None = None) -> None:
    """Returns when one of `waits` has ended, or after `timeout_s`; cancels the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            await _cancel(task)


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """Where a watch stands, opaque to whoever holds it.

    Attributes:
        instance: id of the database that counts the revisions.
        revision: the last one seen.
    """

    instance: str
    revision: int

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.instance}:{self.revision}".encode()).decode()

    @classmethod
    def parse(cls, token: str) -> Self | None:
        """Reads a token; None if it is not one of ours.

        >>> ResumeToken.parse(str(ResumeToken("a1", 7)))
        ResumeToken(instance='a1', revision=7)
        """
        with suppress(binascii.Error, ValueError):
            text = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
            instance, _, revision = text.rpartition(":")
            if instance and revision.isascii() and revision.isdecimal():
                return cls(instance, int(revision))
        return None

    @classmethod
    def start(cls, token: str, *, instance: str, head: int) -> tuple[int, bool]:
        """Revision to follow from, and whether the holder has to start over.

        Args:
            token: from the request; empty for the whole state.
            instance: id of the database.
            head: its present revision; a token beyond it is of another history.
        """
        if not token:
            return 0, False
        parsed = cls.parse(token)
        if parsed is None or parsed.instance != instance or parsed.revision > head:
            return 0, True
        return parsed.revision, False


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)


async def _cancel(task: asyncio.Future[object] | asyncio.Future[T]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
