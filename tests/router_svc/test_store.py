"""What every store must do."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy

from algolink import split
from algolink.errors import Aborted, FailedPrecondition
from chassis import database
from mesh.table import Endpoint, ModelRoute, Pool, Snapshot, Split
from router_svc import migrations
from router_svc.domain.records import AnnouncedReplica, Envoy, Lease, Outlook, RouteRevision
from router_svc.domain.state import Drain, State
from router_svc.domain.traffic import Action, Decision, Shift, Traffic
from router_svc.domain.world import Artifact, Replica
from router_svc.store import News, Store, Stored, SupersededError
from router_svc.store_sql import SqlStore
from tests.router_svc.builders import NOON, a_replica, a_version, digest_of
from tests.router_svc.neighbours import running, until

OUTLOOK = Outlook(decided=1)


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
    await store.save(State(), a_state(), [a_revision()], OUTLOOK, epoch=0)

    stored = await store.load()

    assert stored.state == a_state()
    assert stored.state.snapshot.revision == a_state().snapshot.revision
    assert stored.routes == {"digits": a_revision()}


async def test_the_last_state_replaces_the_one_before_and_history_keeps_both(
    store: Store,
) -> None:
    await store.save(State(), a_state(1, 1), [a_revision(1, 1)], OUTLOOK, epoch=0)
    await store.save(a_state(1, 1), a_state(2, 2), [a_revision(2, 2)], OUTLOOK, epoch=0)
    gone = RouteRevision(model="digits", sequence=3, route=None, time=NOON)
    await store.save(a_state(2, 2), State(sequence=3), [gone], OUTLOOK, epoch=0)

    stored = await store.load()

    assert stored.state == State(sequence=3)
    assert stored.routes == {"digits": gone}
    assert await store.history("digits", limit=2) == [gone, a_revision(2, 2)]
    assert await store.history("iris", limit=2) == []


def announced(
    replica: Replica, *, router: str = "router-1", told: datetime = NOON
) -> AnnouncedReplica:
    return AnnouncedReplica(replica=replica, router=router, told=told)


async def test_a_replica_is_remembered_with_what_it_holds_and_counts_as_not_heard(
    store: Store,
) -> None:
    replica = a_replica(ready=[1], failed={2: "no memory"}, renewed=NOON)
    await store.put_replica(announced(replica))
    renewed = replace(replica, renewed=NOON + timedelta(seconds=2))
    assert await store.renew_replica(announced(renewed))

    (loaded,) = (await store.load()).replicas
    (read,) = (await store.registered({})).replicas

    assert loaded == replace(renewed, heard=False)
    assert read == announced(replace(renewed, heard=False))


async def test_only_the_router_that_holds_a_replicas_line_renews_and_forgets_it(
    store: Store,
) -> None:
    await store.put_replica(announced(a_replica("r1"), router="router-1"))
    await store.put_replica(announced(a_replica("r2"), router="router-1"))
    await store.put_replica(announced(a_replica("r2"), router="router-2"))

    assert not await store.renew_replica(announced(a_replica("r2"), router="router-1"))
    await store.delete_replica("default", "r1", router="router-1")
    await store.delete_replica("default", "r2", router="router-1")
    await store.delete_replica("default", "r9", router="router-1")

    (left,) = (await store.registered({})).replicas
    assert (left.replica.id, left.router) == ("r2", "router-2")


async def test_what_a_replica_holds_is_read_again_only_if_it_told_something_new(
    store: Store,
) -> None:
    await store.put_replica(announced(a_replica(ready=[1])))
    (before,) = (await store.registered({})).replicas
    known = {("default", "r1"): before}

    (same,) = (await store.registered(known)).replicas
    later = NOON + timedelta(seconds=1)
    await store.put_replica(announced(a_replica(ready=[1, 2]), told=later))
    (news,) = (await store.registered(known)).replicas

    assert same.replica.versions == before.replica.versions
    assert news.replica.versions.keys() == {a_version(1), a_version(2)}


async def test_envoys_are_registered_remembered_and_forgotten(store: Store) -> None:
    assert await store.register_envoy("envoy-1", router="router-1", seen=NOON) == 0
    envoy = Envoy(
        id="envoy-1",
        acknowledged=4,
        seen=NOON,
        router="router-1",
        rejection="no",
        refused=frozenset({"digits"}),
        taken=5,
    )
    await store.put_envoy(envoy, router="router-1")
    assert await store.register_envoy("envoy-2", router="router-1", seen=NOON) == 0

    assert (await store.load()).envoys[0] == envoy
    assert await store.delete_envoy("envoy-2")
    assert not await store.delete_envoy("envoy-9")
    assert (await store.registered({})).envoys == (envoy,)


async def test_an_envoy_that_moved_on_is_written_by_its_new_router_alone(store: Store) -> None:
    await store.register_envoy("envoy-1", router="router-1", seen=NOON)
    there = Envoy(id="envoy-1", acknowledged=7, seen=NOON, router="router-1")
    await store.put_envoy(there, router="router-1")

    assert await store.register_envoy("envoy-1", router="router-2", seen=NOON) == 7
    await store.put_envoy(replace(there, router=""), router="router-1")

    (envoy,) = (await store.registered({})).envoys
    assert (envoy.router, envoy.acknowledged) == ("router-2", 7)


async def test_of_two_routers_that_take_one_lease_one_has_it(store: Store) -> None:
    free = (await store.registered({})).lease
    assert free == Lease()

    taken = await asyncio.gather(*(store.take_lease(f"router-{n}", free) for n in range(4)))

    (lease,) = [lease for lease in taken if lease is not None]
    assert (await store.registered({})).lease == lease
    await store.give_lease(lease)
    assert (await store.registered({})).lease == Lease("", lease.epoch)


async def test_a_router_that_lost_the_lease_writes_no_table(store: Store) -> None:
    old = await store.take_lease("router-1", Lease())
    assert old is not None
    await store.save(State(), a_state(1), [a_revision(1)], OUTLOOK, epoch=old.epoch)
    new = await store.take_lease("router-2", old)
    assert new is not None

    with pytest.raises(SupersededError):
        await store.save(a_state(1), a_state(2, 2), [a_revision(2, 2)], OUTLOOK, epoch=old.epoch)
    await store.give_lease(old)

    stored = await store.load()
    assert stored.state == a_state(1)
    assert stored.routes == {"digits": a_revision(1)}
    assert (await store.registered({})).lease == new


async def test_a_follower_reads_what_changed_since(store: Store) -> None:
    assert await store.newer(State(), 0) is None
    await store.save(State(), a_state(1), [a_revision(1)], OUTLOOK, epoch=0)
    first = await store.newer(State(), 0)
    assert first is not None
    iris = RouteRevision(
        model="iris", sequence=2, route=replace(a_route(), model="iris"), time=NOON
    )
    assert iris.route is not None
    routes = {**a_state(1).snapshot.routes, "iris": iris.route}
    second = replace(
        a_state(1),
        sequence=2,
        snapshot=Snapshot(routes=routes, pools=a_state(1).snapshot.pools),
        drains={},
    )
    told = Outlook(pending={"wine": ("why",)}, undone=frozenset({"wine"}), decided=3, settled=True)
    await store.save(a_state(1), second, [iris], told, epoch=0)

    news = await store.newer(first.state, first.saves)

    assert first.state == a_state(1)
    assert news is not None
    assert (news.state, news.outlook, news.changed) == (second, told, (iris,))
    assert await store.newer(news.state, news.saves) is None
    gone = RouteRevision(model="digits", sequence=3, route=None, time=NOON)
    await store.save(second, State(sequence=3), [gone, replace(gone, model="iris")], told, epoch=0)
    last = await store.newer(first.state, first.saves)
    assert last is not None
    assert last.state == State(sequence=3)


async def test_routers_count_their_beats(store: Store) -> None:
    for router in ("router-1", "router-2", "router-1"):
        await store.beat(router)
    assert (await store.registered({})).routers == {"router-1": 2, "router-2": 1}

    await store.forget_router("router-2")

    assert (await store.registered({})).routers == {"router-1": 2}


async def test_another_router_hears_of_every_write(store: Store, another: Store) -> None:
    heard: set[News] = set()
    revisions = itertools.count(1)
    async with running(another.follow(heard.add)):

        async def heard_all() -> bool:
            await store.register_envoy("envoy-1", router="router-1", seen=NOON)
            await store.save(State(), State(), [], OUTLOOK, epoch=0)
            await store.add_decision(a_decision(next(revisions)))
            return heard == set(News)

        await until(heard_all)


async def test_writers_beside_one_another_wait_for_one_another(store: Store) -> None:
    await asyncio.gather(
        *(store.put_replica(announced(a_replica(f"r{number}"))) for number in range(1, 9)),
        *(store.save(State(), a_state(number), [], OUTLOOK, epoch=0) for number in range(1, 9)),
    )

    assert len((await store.load()).replicas) == 8


async def test_a_database_from_a_newer_version_is_refused(tmp_path: object) -> None:
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


def a_decision(revision: int = 1, model: str = "digits", at_s: int = 0) -> Decision:
    return Decision(
        traffic=Traffic(
            model=model,
            revision=revision,
            shift=Shift(
                salt="shift-digits-1",
                per_request=True,
                table=split.allocate({"v1": 9_000, "v2": 1_000}),
                revision=revision,
            ),
            killed={3: 1, 4: 2},
            frozen=True,
        ),
        action=Action.KILL,
        version=3,
        caller="admin",
        reason="a reason",
        time=NOON + timedelta(seconds=at_s),
    )


async def test_decisions_are_read_as_they_were_written(store: Store) -> None:
    nothing = replace(a_decision(2), traffic=Traffic(model="digits", revision=2))
    await store.add_decision(a_decision(1))
    await store.add_decision(nothing)
    await store.add_decision(a_decision(1, "iris"))

    assert (await store.load()).decisions == {"digits": nothing, "iris": a_decision(1, "iris")}
    assert await store.decisions("digits", limit=5) == [nothing, a_decision(1)]
    assert await store.decisions("digits", limit=1) == [nothing]
    assert await store.decisions("wine", limit=1) == []
    assert [d.number for d in await store.decisions_since(0)] == [1, 2, 3]
    assert await store.decisions_since(1) == [nothing, a_decision(1, "iris")]


async def test_of_two_decisions_that_follow_on_one_the_second_is_refused(store: Store) -> None:
    await store.add_decision(a_decision(1))

    outcomes = await asyncio.gather(
        *(store.add_decision(a_decision(2, at_s=number)) for number in range(4)),
        return_exceptions=True,
    )

    refused = [outcome for outcome in outcomes if not isinstance(outcome, Decision)]
    assert [type(outcome) for outcome in refused] == [Aborted] * 3
    assert len(await store.decisions("digits", limit=9)) == 2


async def test_what_held_at_a_time_is_found(store: Store) -> None:
    for number in (1, 2):
        at = NOON + timedelta(seconds=10 * number)
        revision = replace(a_revision(number, number), time=at)
        await store.save(State(), a_state(number), [revision], OUTLOOK, epoch=0)
        await store.add_decision(a_decision(number, at_s=10 * number))

    for seconds, held in ((9, None), (10, 1), (19, 1), (20, 2), (99, 2)):
        at = NOON + timedelta(seconds=seconds)
        route, decision = await store.route_at("digits", at), await store.decision_at("digits", at)
        assert (route.sequence if route else None) == held
        assert (decision.traffic.revision if decision else None) == held
    assert await store.route_at("iris", NOON + timedelta(days=1)) is None


async def test_a_database_of_the_first_release_is_taken_forward(tmp_path: Path) -> None:
    """Its migration and its rows, as that release wrote them."""
    first = tmp_path / "first_release"
    first.mkdir()
    (first / "__init__.py").touch()
    present = Path(migrations.__file__).parent
    shutil.copy(present / "r0001_tables.py", first)
    url = f"sqlite+aiosqlite:///{tmp_path}/router.db"
    sys.path.insert(0, str(tmp_path))
    try:
        async with (
            database.open_engine(url, migrations="first_release") as engine,
            database.writing(engine) as connection,
        ):
            for statement, values in FIRST_RELEASE_ROWS:
                await connection.execute(sqlalchemy.text(statement), values)
    finally:
        sys.path.remove(str(tmp_path))

    async with database.open_engine(url, migrations="router_svc.migrations") as engine:
        store = SqlStore(engine)
        stored = await store.load()
        await store.add_decision(a_decision())

        assert stored.state.sequence == 3
        route = stored.state.snapshot.routes["digits"]
        assert (route.champion, route.versions, route.killed) == (1, (1,), ())
        assert route.revision == FIRST_RELEASE_REVISION
        assert stored.state.wanted == {a_version(1): Artifact("00", 5)}
        assert stored.state.snapshot.pools["default"].grpc == (Endpoint("127.0.0.1", 8001),)
        assert stored.decisions == {}
        assert await store.take_lease("router", Lease()) == Lease("router", 1)
        assert (await store.load()).decisions == {"digits": a_decision()}


FIRST_RELEASE_ROUTE = '{"model":"digits","pool":"default","champion":1,"versions":[1],"split":null}'
FIRST_RELEASE_REVISION = "083aa2197f9c2075"
FIRST_RELEASE_ROWS: tuple[tuple[str, dict[str, object]], ...] = (
    (
        "INSERT INTO router_state (id, sequence, content) VALUES (1, 3, :content)",
        {
            "content": f'{{"snapshot":{{"routes":[{FIRST_RELEASE_ROUTE}],"pools":['
            '{"name":"default","grpc":[["127.0.0.1",8001]],"http":[["127.0.0.1",8002]]}]},'
            '"wanted":[["digits",1,"00",5]],"drains":[]}'
        },
    ),
    (
        "INSERT INTO route_revisions (model, sequence, revision, content, time_us) "
        "VALUES ('digits', 3, :revision, :content, 1)",
        {"revision": FIRST_RELEASE_REVISION, "content": FIRST_RELEASE_ROUTE},
    ),
)
