"""What every store must do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from algolink import split
from algolink.errors import FailedPrecondition
from chassis import database
from mesh.table import Endpoint, ModelRoute, Pool, Snapshot, Split
from router_svc.domain.records import Envoy, RouteRevision
from router_svc.domain.state import Drain, State
from router_svc.domain.world import Artifact
from router_svc.store import Store, Stored
from tests.router_svc.builders import NOON, a_replica, a_version, digest_of


def a_route(champion: int = 1) -> ModelRoute:
    return ModelRoute(
        model="digits",
        pool="default",
        champion=champion,
        versions=(1, 2),
        split=Split(
            experiment="digits-1",
            phase=2,
            salt="digits-1-x",
            per_request=False,
            table=split.allocate({"control": 9_000, "challenger": 1_000}),
            versions={"control": 1, "challenger": 2},
            control="control",
            experiment_revision=4,
        ),
    )


def a_state(sequence: int = 1, champion: int = 1) -> State:
    return State(
        sequence=sequence,
        snapshot=Snapshot(
            routes={"digits": a_route(champion)},
            pools={"default": Pool(name="default", grpc=(Endpoint("127.0.0.1", 8001),))},
        ),
        wanted={a_version(n): Artifact(digest_of(n), n) for n in (1, 2, 3)},
        drains={
            a_version(3): Drain(sequence, NOON + timedelta(microseconds=1)),
            a_version(2): Drain(sequence),
        },
    )


def a_revision(sequence: int = 1, champion: int = 1) -> RouteRevision:
    return RouteRevision(model="digits", sequence=sequence, route=a_route(champion), time=NOON)


async def test_a_new_store_is_empty(store: Store) -> None:
    assert await store.load() == Stored()


async def test_a_state_is_read_as_it_was_written(store: Store) -> None:
    await store.save(a_state(), [a_revision()])

    stored = await store.load()

    assert stored.state == a_state()
    assert stored.state.snapshot.revision == a_state().snapshot.revision
    assert stored.routes == {"digits": a_revision()}


async def test_the_last_state_replaces_the_one_before_and_history_keeps_both(
    store: Store,
) -> None:
    await store.save(a_state(1, 1), [a_revision(1, 1)])
    await store.save(a_state(2, 2), [a_revision(2, 2)])
    gone = RouteRevision(model="digits", sequence=3, route=None, time=NOON)
    await store.save(State(sequence=3), [gone])

    stored = await store.load()

    assert stored.state == State(sequence=3)
    assert stored.routes == {"digits": gone}
    assert await store.history("digits", limit=2) == [gone, a_revision(2, 2)]
    assert await store.history("iris", limit=2) == []


async def test_a_replica_is_remembered_but_not_what_it_holds(store: Store) -> None:
    await store.put_replica(a_replica(ready=[1], renewed=NOON))
    await store.put_replica(a_replica(ready=[1], renewed=NOON + timedelta(seconds=2)))

    (replica,) = (await store.load()).replicas

    assert replica == a_replica(renewed=NOON + timedelta(seconds=2), heard=False)


async def test_replicas_are_forgotten_one_by_one(store: Store) -> None:
    await store.put_replica(a_replica("r1"))
    await store.put_replica(a_replica("r2"))

    await store.delete_replica("default", "r1")
    await store.delete_replica("default", "r9")

    assert [r.id for r in (await store.load()).replicas] == ["r2"]


async def test_envoys_are_remembered_and_forgotten(store: Store) -> None:
    first = Envoy(id="envoy-1", acknowledged=3, seen=NOON)
    await store.put_envoy(first)
    await store.put_envoy(replace(first, acknowledged=4))
    await store.put_envoy(replace(first, id="envoy-2"))

    assert (await store.load()).envoys == (
        replace(first, acknowledged=4),
        replace(first, id="envoy-2"),
    )
    await store.delete_envoy("envoy-2")
    await store.delete_envoy("envoy-9")
    assert (await store.load()).envoys == (replace(first, acknowledged=4),)


async def test_writers_beside_one_another_wait_for_one_another(store: Store) -> None:
    await asyncio.gather(
        *(store.put_replica(a_replica(f"r{number}")) for number in range(1, 9)),
        *(store.save(a_state(number), []) for number in range(1, 9)),
    )

    assert len((await store.load()).replicas) == 8


async def test_a_database_from_a_newer_version_is_refused(tmp_path: object) -> None:
    import sqlalchemy

    url = f"sqlite+aiosqlite:///{tmp_path}/router.db"
    async with (
        database.open_engine(url, migrations="router_svc.migrations") as engine,
        database.writing(engine) as connection,
    ):
        await connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(FailedPrecondition) as caught:
        async with database.open_engine(url, migrations="router_svc.migrations"):
            pass

    assert caught.value.reason == "DATABASE_TOO_NEW"
