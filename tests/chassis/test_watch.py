from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from algolink.errors import Unavailable
from chassis.watch import Change, Notifier, ResumeToken, Synced, follow, until_set

NEVER_S = 3_600.0


class Shelf:
    """Latest state of named things under a common revision."""

    def __init__(self) -> None:
        self.notifier = Notifier()
        self.draining = asyncio.Event()
        self._changes: dict[str, Change[str]] = {}
        self._revision = 0

    def put(self, name: str, *, notify: bool = True) -> None:
        self._revision += 1
        self._changes[name] = Change(self._revision, name)
        if notify:
            self.notifier.notify()

    async def read_since(self, revision: int) -> Sequence[Change[str]]:
        changed = (c for c in self._changes.values() if c.revision > revision)
        return sorted(changed, key=lambda change: change.revision)

    def follow(
        self, since: int = 0, poll_s: float = NEVER_S
    ) -> AsyncIterator[Change[str] | Synced]:
        return follow(self.read_since, self.notifier, self.draining, since, poll_s)


async def test_a_watch_tells_what_is_there_then_the_mark_then_what_changes() -> None:
    shelf = Shelf()
    shelf.put("a")
    shelf.put("b")

    watch = shelf.follow()
    seen = [await anext(watch) for _ in range(3)]
    shelf.put("a")
    seen.append(await anext(watch))

    assert seen == [Change(1, "a"), Change(2, "b"), Synced(2), Change(3, "a")]


async def test_a_resumed_watch_tells_only_what_changed_since() -> None:
    shelf = Shelf()
    for name in ("a", "b", "a"):
        shelf.put(name)

    watch = shelf.follow(since=2)

    assert [await anext(watch) for _ in range(2)] == [Change(3, "a"), Synced(3)]


async def test_an_empty_collection_is_synced_at_once() -> None:
    assert await anext(Shelf().follow()) == Synced(0)


async def test_a_change_between_the_read_and_the_wait_is_not_lost() -> None:
    shelf = Shelf()
    watch = shelf.follow()
    await anext(watch)

    shelf.put("a")

    assert await asyncio.wait_for(anext(watch), 5) == Change(1, "a")


async def test_a_write_of_another_process_is_found_by_polling() -> None:
    shelf = Shelf()
    watch = shelf.follow(poll_s=0.01)
    await anext(watch)

    shelf.put("a", notify=False)

    assert await asyncio.wait_for(anext(watch), 5) == Change(1, "a")


async def test_a_watch_ends_when_the_service_drains() -> None:
    shelf = Shelf()
    watch = shelf.follow()
    await anext(watch)
    waiting = asyncio.ensure_future(anext(watch))

    shelf.draining.set()

    with pytest.raises(Unavailable) as caught:
        await asyncio.wait_for(waiting, 5)
    assert caught.value.reason == "DRAINING"


async def test_until_set_passes_items_and_ends_at_the_event() -> None:
    items: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()

    async def endless() -> AsyncIterator[int]:
        while True:
            yield await items.get()

    passed = until_set(endless(), stop)
    items.put_nowait(1)
    first = await anext(passed)
    last = asyncio.ensure_future(anext(passed))
    stop.set()

    assert first == 1
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(last, 5)


async def test_until_set_ends_with_its_source() -> None:
    async def two() -> AsyncIterator[int]:
        yield 1
        yield 2

    assert [item async for item in until_set(two(), asyncio.Event())] == [1, 2]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", (0, False)),
        (str(ResumeToken("here", 7)), (7, False)),
        (str(ResumeToken("here", 9)), (0, True)),
        (str(ResumeToken("elsewhere", 7)), (0, True)),
        ("not a token", (0, True)),
        ("ünicode", (0, True)),
        ("aGVyZTotMQ==", (0, True)),
    ],
)
def test_a_token_resumes_only_the_history_it_is_of(token: str, expected: tuple[int, bool]) -> None:
    assert ResumeToken.start(token, instance="here", head=8) == expected
