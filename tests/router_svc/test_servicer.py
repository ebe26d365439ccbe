"""RouterService over a real channel."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from google.protobuf import timestamp_pb2

from algolink.router.v1 import router_pb2
from chassis import errors
from router_svc.domain.world import ExperimentState
from tests.router_svc.builders import a_model, a_replica, an_experiment
from tests.router_svc.conftest import Control
from tests.router_svc.neighbours import until


async def serve_split_digits(control: Control) -> None:
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(a_model(), experiments=(an_experiment(),))
    await control.table(1)


async def test_a_route_says_what_it_is_and_whether_it_is_live(control: Control) -> None:
    await serve_split_digits(control)

    route = await control.routes.GetRoute(router_pb2.GetRouteRequest(model="digits"))

    assert (route.model, route.champion_version, list(route.versions)) == ("digits", 1, [1, 2])
    assert route.split.experiment == "experiments/digits-1"
    assert [(s.start, s.end, s.arm, s.version) for s in route.split.segments] == [
        (0, 9_000, "control", 1),
        (9_000, 10_000, "challenger", 2),
    ]
    assert route.update_time.ToDatetime() == control.clock.now().replace(tzinfo=None)
    assert not route.live
    envoy = await control.envoy()
    await envoy.take_all()
    await until(lambda: control.router.fleet.is_live(1))
    assert (await control.routes.GetRoute(router_pb2.GetRouteRequest(model="digits"))).live


@pytest.mark.parametrize(
    ("model", "code", "reason"),
    [
        ("iris", grpc.StatusCode.NOT_FOUND, "ROUTE_NOT_FOUND"),
        ("No such", grpc.StatusCode.INVALID_ARGUMENT, "MODEL_ID_INVALID"),
    ],
)
async def test_a_model_without_a_route_is_told_so(
    control: Control, model: str, code: grpc.StatusCode, reason: str
) -> None:
    control.show(a_model("iris"))

    for call in (
        control.routes.GetRoute(router_pb2.GetRouteRequest(model=model)),
        control.routes.Explain(router_pb2.ExplainRequest(model=model)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is code
        assert errors.from_rpc_error(caught.value).reason == reason


async def test_what_is_missing_is_said_where_nothing_is_routed(control: Control) -> None:
    control.router.replicas.announce(a_replica(loading=[1]))
    control.show(a_model())
    await until(lambda: "digits" in control.router.composer.view.pending)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await control.routes.GetRoute(router_pb2.GetRouteRequest(model="digits"))

    assert "not ready on r1 (loading)" in str(caught.value.details())


async def test_routes_are_listed_by_model(control: Control) -> None:
    control.show(a_model("iris"), a_model("digits"))
    control.router.replicas.announce(a_replica())
    await until(lambda: len(control.router.composer.view.state.wanted) == 2)
    ready = a_replica(ready=[1], model="iris")
    both = {**ready.versions, **a_replica(ready=[1]).versions}
    control.router.replicas.announce(
        type(ready)(
            id=ready.id,
            pool=ready.pool,
            grpc=ready.grpc,
            http=ready.http,
            versions=both,
            renewed=ready.renewed,
        )
    )
    await until(lambda: len(control.router.composer.view.routes) == 2)

    listed = await control.routes.ListRoutes(router_pb2.ListRoutesRequest())

    assert [route.model for route in listed.routes] == ["digits", "iris"]


async def test_a_watch_shows_all_then_what_changes_until_the_router_drains(
    control: Control,
) -> None:
    await serve_split_digits(control)
    watch = control.routes.WatchRoutes(router_pb2.WatchRoutesRequest())

    assert (await watch.read()).route.model == "digits"
    assert (await watch.read()).HasField("synced")
    control.show(experiments=(an_experiment(phase=2, revision=3),))
    assert (await watch.read()).route.split.phase == 2
    control.router.heard.models.delete("digits")
    assert (await watch.read()).deleted == "digits"

    control.runtime.draining.set()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch.read()
    assert errors.from_rpc_error(caught.value).reason == "DRAINING"


async def test_an_explanation_names_bucket_segment_and_rules(control: Control) -> None:
    await serve_split_digits(control)

    explained = await control.routes.Explain(
        router_pb2.ExplainRequest(model="digits", unit="user-1")
    )

    assert explained.experiment == "experiments/digits-1"
    assert explained.segment.start <= explained.bucket < explained.segment.end
    assert (explained.arm, explained.version) == (explained.segment.arm, explained.segment.version)
    assert [(r.rule, r.decided) for r in explained.rules] == [
        ("kill", False),
        ("freeze", False),
        ("explicit-version", False),
        ("override", False),
        ("audience", False),
        ("holdout", False),
        ("experiment", True),
    ]


async def test_a_malformed_unit_is_explained(control: Control) -> None:
    await serve_split_digits(control)

    explained = await control.routes.Explain(
        router_pb2.ExplainRequest(model="digits", unit="two words")
    )

    assert (explained.version, explained.arm) == (1, "")
    assert not explained.HasField("bucket")
    assert "is not a unit" in explained.rules[6].why
    assert explained.rules[7].decided


async def test_the_status_names_replicas_and_envoys(control: Control) -> None:
    await serve_split_digits(control)
    envoy = await control.envoy()
    await envoy.take_all()
    await until(lambda: control.router.fleet.is_live(1))

    status = await control.routes.GetStatus(router_pb2.GetStatusRequest())

    (replica,) = status.replicas
    assert (replica.id, replica.alive) == ("r1", True)
    assert [(v.version, v.state) for v in replica.versions] == [
        (1, router_pb2.LOAD_STATE_READY),
        (2, router_pb2.LOAD_STATE_READY),
    ]
    assert [(e.id, e.connected, e.up_to_date) for e in status.envoys] == [("envoy-1", True, True)]
    assert not status.settling


async def test_a_past_route_is_explained_from_history(control: Control) -> None:
    await serve_split_digits(control)
    before = timestamp_pb2.Timestamp()
    before.FromDatetime(control.clock.now())
    control.clock.advance(1)
    ended = an_experiment(state=ExperimentState.STOPPED, revision=3)
    control.show(experiments=(ended,))
    await control.table(2)
    asked = router_pb2.ExplainRequest(model="digits", unit="user-1")

    now = await control.routes.Explain(asked)
    asked.time.CopyFrom(before)
    then = await control.routes.Explain(asked)

    assert (now.experiment, then.experiment) == ("", "experiments/digits-1")
    assert now.route_revision != then.route_revision


@pytest.mark.parametrize(
    ("seconds", "code", "reason"),
    [
        (1, grpc.StatusCode.NOT_FOUND, "ROUTE_NOT_FOUND"),
        (2**62, grpc.StatusCode.INVALID_ARGUMENT, "TIME_INVALID"),
    ],
)
async def test_a_time_without_a_route_is_told_so(
    control: Control, seconds: int, code: grpc.StatusCode, reason: str
) -> None:
    await serve_split_digits(control)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await control.routes.Explain(
            router_pb2.ExplainRequest(model="digits", time=timestamp_pb2.Timestamp(seconds=seconds))
        )

    assert caught.value.code() is code
    assert errors.from_rpc_error(caught.value).reason == reason


async def test_those_who_route_are_told_nothing_before_there_is_a_table_and_then_only_routes(
    control: Control,
) -> None:
    watch = control.routes.WatchRoutes(router_pb2.WatchRoutesRequest(routing_only=True))
    first = asyncio.ensure_future(watch.read())
    plain = control.routes.WatchRoutes(router_pb2.WatchRoutesRequest())
    assert (await plain.read()).HasField("synced")
    assert not first.done()

    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(a_model(aliases={"canary": 2}))
    assert (await first).route.champion_version == 1
    assert (await watch.read()).HasField("synced")
    envoy = await control.envoy()
    await envoy.take_all()
    await until(lambda: control.router.fleet.is_live(1))
    control.show(a_model(champion=2, aliases={"canary": 1}))

    told = (await watch.read()).route
    assert (told.champion_version, told.live) == (2, False)
