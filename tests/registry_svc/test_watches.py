"""Watches: who hears of what, through whom, and what a database that goes away does to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from algolink.errors import Unavailable
from algolink.names import ModelName
from chassis import watch
from chassis.database import open_engine
from registry_svc import feeds
from registry_svc.domain import models
from registry_svc.domain.audit import Actor
from registry_svc.feeds import Feed
from registry_svc.noticing import Listener, Poller
from registry_svc.recording import Recorder
from registry_svc.store import Reader, Store
from registry_svc.store_memory import MemoryStore
from registry_svc.store_sql import SqlStore
from tests.postgres import postgres_server
from tests.registry_svc.builders import NOON, a_model, a_version

ANN = Actor("ann")
IRIS = ModelName("iris")


async def save(store: Store, name: str = "iris") -> None:
    """A change of a model, or a new one."""
    async with store.writing() as writer:
        present = await writer.find_model(ModelName(name))
        recorder = Recorder(writer, ANN, "SetAlias", NOON)
        if present is not None:
            await recorder.save_model(present, replace(present, update_time=NOON))
            return
        await recorder.save_model(models.new(ModelName(name), at=NOON), a_model(name))
        await recorder.add_version(a_version(name))


@asynccontextmanager
async def running(work: Poller | Listener) -> AsyncIterator[None]:
    task = asyncio.create_task(work.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_postgresql_tells_of_what_another_process_commits(postgres_url: str) -> None:
    changes = watch.Notifier()
    async with (
        open_engine(postgres_url, migrations="registry_svc.migrations") as engine,
        running(Listener(postgres_url, changes=changes)),
        asyncio.timeout(60),
    ):
        await changes.wait_beyond(0)  # it listens
        heard = changes.count

        await save(SqlStore(engine))

        await changes.wait_beyond(heard)


async def test_what_another_process_writes_is_found_by_looking(store: Store) -> None:
    changes = watch.Notifier()
    async with running(Poller(store, changes=changes, pause_s=0.01)), asyncio.timeout(60):
        await changes.wait_beyond(0)
        found = changes.count

        await save(store)

        await changes.wait_beyond(found)


class Counted(MemoryStore):
    """Counts its readers."""

    def __init__(self) -> None:
        super().__init__()
        self.readers = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:  # type: ignore[override]
        self.readers += 1
        await asyncio.sleep(0)
        async with super().reading() as reader:
            yield reader


async def test_who_asks_together_shares_a_read_and_who_asks_later_sees_more() -> None:
    store, changes = Counted(), watch.Notifier()
    feed = Feed(store, changes=changes)
    await save(store)
    together = await asyncio.gather(*(feed.since(0) for _ in range(100)))
    shared = store.readers

    before = asyncio.create_task(feed.since(1))
    await asyncio.sleep(0)
    await save(store)
    changes.notify()
    after = await feed.since(1)
    await before

    assert shared == 1
    assert all(each is together[0] for each in together)
    assert [change.revision for change in after] == [2]


async def test_who_leaves_does_not_take_the_read_from_the_others() -> None:
    store = Counted()
    await save(store)
    feed = Feed(store, changes=watch.Notifier())
    leaving, staying = (asyncio.create_task(feed.since(0)) for _ in range(2))
    await asyncio.sleep(0)

    leaving.cancel()

    assert len(await staying) == 1


async def test_a_watch_of_many_models_is_read_in_pages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE", 3)
    for number in range(7):
        await save(store, f"m{number}")
    changes = watch.Notifier()
    steps = watch.follow(Feed(store, changes=changes).since, changes, asyncio.Event(), page=3)

    revisions = [(await anext(steps)).revision for _ in range(8)]

    assert revisions == [1, 2, 3, 4, 5, 6, 7, 7]


async def test_a_slow_watcher_skips_to_the_newest(store: Store) -> None:
    changes = watch.Notifier()
    await save(store)
    steps = watch.follow(Feed(store, changes=changes).since, changes, asyncio.Event())
    await anext(steps), await anext(steps)

    for _ in range(20):
        await save(store)
        changes.notify()
    newest = await anext(steps)
    waiting = asyncio.ensure_future(anext(steps))
    await asyncio.sleep(0)

    assert newest.revision == 21
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait({waiting})


async def test_a_postgresql_that_is_killed_under_load_loses_nothing_it_acknowledged() -> None:
    with postgres_server({"fsync": "off"}) as server:
        url = server.url(server.create_database())
        async with open_engine(url, migrations="registry_svc.migrations") as engine:
            store, changes = SqlStore(engine), watch.Notifier()
            await save(store)
            acknowledged = [1]
            refused: list[Exception] = []
            resumed = asyncio.Event()
            stop, written = asyncio.Event(), asyncio.Event()

            async def write() -> None:
                while not stop.is_set():
                    try:
                        await save(store)
                    except Unavailable as error:
                        refused.append(error)
                        await asyncio.sleep(0.01)  # a client pauses, too
                    else:
                        acknowledged[0] += 1
                        if refused:
                            resumed.set()

            async def follow() -> int:
                since = 0
                while not (written.is_set() and since >= acknowledged[0]):
                    steps = watch.follow(
                        Feed(store, changes=changes).since, changes, asyncio.Event(), since, 0.01
                    )
                    try:
                        async for step in steps:
                            since = step.revision
                            if written.is_set() and since >= acknowledged[0]:
                                break
                    except Unavailable:
                        await asyncio.sleep(0.01)
                return since

            async with (
                asyncio.timeout(100),
                running(Listener(url, changes=changes, pause_s=0.05)),
            ):
                following = asyncio.create_task(follow())
                async with asyncio.TaskGroup() as writers:
                    for _ in range(4):
                        writers.create_task(write())
                    await changes.wait_beyond(3)
                    await asyncio.to_thread(server.kill)
                    await asyncio.to_thread(server.start)
                    await resumed.wait()
                    stop.set()
                written.set()
                await save(store)  # the follower may have seen all, and wait for more
                followed = await following

            async with store.reading() as reader:
                model = await reader.get_model(IRIS)

    assert refused
    assert {error.reason for error in refused if isinstance(error, Unavailable)} == {
        "DATABASE_UNAVAILABLE"
    }
    assert model.revision >= acknowledged[0]
    assert followed >= acknowledged[0]
