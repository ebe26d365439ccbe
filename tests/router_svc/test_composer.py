"""Composing at run time: what is written, what is published, what outlives whom."""

from __future__ import annotations

from collections.abc import Sequence

from algolink.errors import Unavailable
from mesh.table import Endpoint
from router_svc.domain.records import Outlook, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.world import Policy
from router_svc.heard import Heard
from router_svc.store_memory import MemoryStore
from tests.router_svc.builders import a_model, a_replica, an_experiment
from tests.router_svc.conftest import Control, Controls
from tests.router_svc.neighbours import until


class FailingStore(MemoryStore):
    """A store whose disk is full while it is told to be."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False
        self.refused = 0

    async def save(
        self,
        before: State,
        after: State,
        revisions: Sequence[RouteRevision],
        outlook: Outlook,
        *,
        epoch: int,
    ) -> None:
        if self.is_full:
            self.refused += 1
            raise Unavailable("DATABASE_UNAVAILABLE", "disk full")
        await super().save(before, after, revisions, outlook, epoch=epoch)


def serve_digits(control: Control) -> None:
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(a_model(aliases={"canary": 2}))


async def test_nothing_is_published_before_both_watches_are_synced(control: Control) -> None:
    control.router.replicas.announce(a_replica(ready=[1]))
    control.router.heard.models.put("digits", a_model())
    control.router.heard.models.mark_synced()
    changes = control.router.composer.changes
    await until(lambda: control.router.replicas.changes.count > 0)
    assert control.router.publication.latest is None

    control.router.heard.experiments.mark_synced()
    await control.table(1)
    assert changes.count > 0
    assert control.router.publication.latest is not None


async def test_a_table_is_published_only_once_it_is_written(controls: Controls) -> None:
    store = FailingStore()
    control = await controls.start(store)
    serve_digits(control)
    await control.table(1)

    store.is_full = True
    control.show(a_model(champion=2, aliases={"canary": 1}))
    await until(lambda: store.refused > 0)
    assert control.router.publication.latest is not None
    assert control.router.publication.latest.sequence == 1

    store.is_full = False
    await control.table(2)
    assert (await store.load()).state.sequence == 2


async def test_a_restarted_router_serves_the_written_table_before_it_hears_anything(
    controls: Controls,
) -> None:
    store = MemoryStore()
    before = await controls.start(store)
    serve_digits(before)
    await before.table(1)
    published = before.router.publication.latest
    assert published is not None

    after = await controls.start(store)

    assert after.router.publication.latest is not None
    assert after.router.publication.latest.resources.revision == published.resources.revision
    assert after.router.publication.latest.sequence == published.sequence


async def test_a_restarted_router_withdraws_nothing_until_replicas_are_back_or_late(
    controls: Controls,
) -> None:
    store = MemoryStore()
    before = await controls.start(store)
    before.router.replicas.announce(a_replica("r1", ready=[1]))
    before.router.replicas.announce(a_replica("r2", ready=[1]))
    before.show(a_model())
    await before.table(1)

    async def both_written() -> bool:
        return len((await store.load()).replicas) == 2

    await until(both_written)
    after = await controls.start(store)

    def endpoints() -> tuple[Endpoint, ...]:
        return after.router.composer.view.state.snapshot.pools["default"].grpc

    after.show(a_model())
    after.router.replicas.announce(a_replica("r1", ready=[1], renewed=after.clock.now()))
    await until(lambda: not after.router.composer.view.pending)
    assert len(endpoints()) == 2
    assert after.router.composer.view.settling

    after.clock.advance(31)
    after.router.replicas.announce(a_replica("r1", ready=[1], renewed=after.clock.now()))
    await until(lambda: endpoints() == (a_replica("r1").grpc,))
    assert not after.router.composer.view.settling


async def test_a_model_that_was_just_deleted_goes_and_is_kept_in_history(
    controls: Controls,
) -> None:
    store = MemoryStore()
    control = await controls.start(store, policy=Policy())
    serve_digits(control)
    await control.table(1)

    control.router.heard.models.delete("digits")
    await control.table(2)

    assert control.router.composer.view.routes == {}
    history = await store.history("digits", limit=10)
    assert [(r.sequence, r.route is None) for r in history] == [(2, True), (1, False)]


async def test_a_watch_that_starts_over_shows_nothing_until_it_is_whole(
    control: Control,
) -> None:
    serve_digits(control)
    await control.table(1)
    models = control.router.heard.models

    models.restart()
    models.put("iris", a_model("iris"))
    assert models.items.keys() == {"digits"}

    models.mark_synced()
    assert models.items.keys() == {"iris"}
    await until(lambda: "iris" in control.router.composer.view.pending)
    assert "digits" in control.router.composer.view.routes


def test_an_experiment_that_is_put_again_is_no_longer_deleted() -> None:
    heard = Heard()
    heard.experiments.mark_synced()

    heard.experiments.delete("digits-1")
    heard.experiments.put("digits-1", an_experiment())

    assert heard.world([]).deleted_experiments == frozenset()
