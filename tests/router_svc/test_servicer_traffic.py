"""TrafficService over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
import pytest

from algolink.router.v1 import router_pb2
from algolink.router.v1 import traffic_pb2 as pb
from algolink.router.v1.traffic_pb2_grpc import TrafficServiceStub
from chassis import errors
from router_svc.domain.world import ExperimentState
from router_svc.store_memory import MemoryStore
from tests.router_svc.builders import a_model, a_replica, an_experiment
from tests.router_svc.conftest import Control, Controls
from tests.router_svc.neighbours import until


async def serve_digits(control: Control) -> TrafficServiceStub:
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(a_model(aliases={"canary": 2}))
    await control.table(1)
    return TrafficServiceStub(control.line)


def shift(weights: dict[int, int], etag: str = "") -> pb.ShiftTrafficRequest:
    return pb.ShiftTrafficRequest(model="digits", weights_bp=weights, etag=etag, reason="why not")


TEN = {1: 9_000, 2: 1_000}


async def until_routed(control: Control, stub: TrafficServiceStub) -> router_pb2.Route:
    """Lets an Envoy take everything and returns the route that it then has."""
    envoy = await control.envoy()
    await envoy.take_all()

    async def live() -> bool:
        return bool((await stub.GetTraffic(pb.GetTrafficRequest(model="digits"))).live)

    await until(live)
    route: router_pb2.Route = await control.routes.GetRoute(
        router_pb2.GetRouteRequest(model="digits")
    )
    return route


async def test_a_shift_is_shown_routed_and_explained(control: Control) -> None:
    stub = await serve_digits(control)

    decided = await stub.ShiftTraffic(shift(TEN))
    await control.table(2)
    route = await until_routed(control, stub)

    assert dict(decided.shift.weights_bp) == TEN
    assert (decided.revision, decided.etag, decided.shift.unit) == (1, "r1", pb.SHIFT_UNIT_HEADER)
    assert (route.split.experiment, route.split.phase) == ("", 0)
    assert [(s.start, s.end, s.version) for s in route.split.segments] == [
        (0, 9_000, 1),
        (9_000, 10_000, 2),
    ]
    explained = await control.routes.Explain(
        router_pb2.ExplainRequest(model="digits", unit="user-1")
    )
    assert (explained.experiment, explained.arm) == ("", explained.segment.arm)
    assert [r.rule for r in explained.rules if r.decided] == ["shift"]


async def test_a_version_that_was_just_pushed_is_waited_for(control: Control) -> None:
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(a_model(versions=(1,)))
    await control.table(1)
    stub = TrafficServiceStub(control.line)

    asked = asyncio.ensure_future(stub.ShiftTraffic(shift(TEN)))
    await asyncio.sleep(0.05)
    control.show(a_model(versions=(1, 2), revision=2))

    assert dict((await asked).shift.weights_bp) == TEN


async def test_of_two_decisions_at_once_the_second_is_aborted(control: Control) -> None:
    stub = await serve_digits(control)
    etag = (await stub.GetTraffic(pb.GetTrafficRequest(model="digits"))).etag

    outcomes = await asyncio.gather(
        *(stub.ShiftTraffic(shift({1: 9_000 - n, 2: 1_000 + n}, etag)) for n in range(2)),
        return_exceptions=True,
    )

    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert refused.code() is grpc.StatusCode.ABORTED
    assert errors.from_rpc_error(refused).reason == "ETAG_MISMATCH"


async def test_a_model_with_a_running_experiment_is_not_shifted(control: Control) -> None:
    stub = await serve_digits(control)
    control.show(experiments=(an_experiment(),))
    await control.table(2)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ShiftTraffic(shift(TEN))

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    error = errors.from_rpc_error(caught.value)
    assert (error.reason, error.metadata["experiment"]) == (
        "EXPERIMENT_RUNNING",
        "experiments/digits-1",
    )


async def test_an_experiment_that_starts_later_is_stronger_than_the_shift(
    control: Control,
) -> None:
    stub = await serve_digits(control)
    await stub.ShiftTraffic(shift(TEN))
    await control.table(2)
    control.show(experiments=(an_experiment(),))
    await control.table(3)

    def experiment() -> str:
        route = control.router.composer.view.routes["digits"].route
        assert route is not None
        assert route.split is not None
        return route.split.experiment

    assert experiment() == "digits-1"
    control.show(experiments=(an_experiment(state=ExperimentState.STOPPED, revision=3),))
    await control.table(4)
    assert experiment() == ""


async def test_a_shift_before_the_experiments_are_known_is_told_to_wait(control: Control) -> None:
    control.router.heard.models.put("digits", a_model())
    control.router.heard.models.mark_synced()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await TrafficServiceStub(control.line).ShiftTraffic(shift(TEN))

    assert errors.from_rpc_error(caught.value).reason == "EXPERIMENTS_UNKNOWN"


async def test_a_kill_is_routed_and_taken_back(control: Control) -> None:
    stub = await serve_digits(control)

    killed = await stub.KillVersion(pb.KillVersionRequest(model="digits", version=2))
    await control.table(2)
    route = await until_routed(control, stub)

    assert [(k.version, k.replacement) for k in killed.killed] == [(2, 1)]
    assert (list(route.versions), list(route.killed_versions)) == ([1], [2])
    revived = await stub.ReviveVersion(pb.ReviveVersionRequest(model="digits", version=2))
    await control.table(3)
    assert list(revived.killed) == []


async def test_a_freeze_holds_through_an_alias_move_and_a_restart(controls: Controls) -> None:
    store = MemoryStore()
    control = await controls.start(store)
    stub = await serve_digits(control)
    await stub.FreezeTraffic(pb.FreezeTrafficRequest(model="digits"))
    moved = a_model(champion=2, aliases={"canary": 1}, revision=2)
    control.show(moved)
    await until(lambda: bool(control.router.composer.view.pending))

    again = await controls.start(store)
    again.router.replicas.announce(a_replica(ready=[1, 2]))
    again.show(moved)
    await until(lambda: bool(again.router.composer.view.pending))

    route = await again.routes.GetRoute(router_pb2.GetRouteRequest(model="digits"))
    assert (route.champion_version, route.frozen) == (1, True)
    assert list(route.pending) == ["the traffic is frozen: the route stays as it is"]
    stub = TrafficServiceStub(again.line)
    await stub.UnfreezeTraffic(pb.UnfreezeTrafficRequest(model="digits"))
    await again.table(2)
    route = await again.routes.GetRoute(router_pb2.GetRouteRequest(model="digits"))
    assert (route.champion_version, route.frozen) == (2, False)


async def test_history_tells_who_did_what_and_what_the_route_became(control: Control) -> None:
    stub = await serve_digits(control)
    for request in (shift(TEN), shift({1: 5_000, 2: 5_000})):
        control.clock.advance(1)
        sequence = control.router.composer.view.state.sequence
        await stub.ShiftTraffic(request)
        await control.table(sequence + 1)

    history = await stub.ListTrafficHistory(pb.ListTrafficHistoryRequest(model="digits"))
    two = await stub.ListTrafficHistory(pb.ListTrafficHistoryRequest(model="digits", limit=2))

    assert [e.WhichOneof("what") for e in history.events] == [
        "route",
        "decision",
        "route",
        "decision",
        "route",
    ]
    assert list(history.events[:2]) == list(two.events)
    decision = two.events[1].decision
    assert (decision.action, decision.reason) == (pb.TRAFFIC_ACTION_SHIFT, "why not")
    assert dict(decision.traffic.shift.weights_bp) == {1: 5_000, 2: 5_000}


Request = Callable[[TrafficServiceStub], object]


@pytest.mark.parametrize(
    ("call", "code", "reason"),
    [
        (
            lambda stub: stub.GetTraffic(pb.GetTrafficRequest(model="iris")),
            grpc.StatusCode.NOT_FOUND,
            "MODEL_NOT_FOUND",
        ),
        (
            lambda stub: stub.ListTrafficHistory(pb.ListTrafficHistoryRequest(model="iris")),
            grpc.StatusCode.NOT_FOUND,
            "MODEL_NOT_FOUND",
        ),
        (
            lambda stub: stub.ListTrafficHistory(
                pb.ListTrafficHistoryRequest(model="digits", limit=-1)
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            "LIMIT_INVALID",
        ),
        (
            lambda stub: stub.ClearShift(pb.ClearShiftRequest(model="No such")),
            grpc.StatusCode.INVALID_ARGUMENT,
            "MODEL_ID_INVALID",
        ),
        (
            lambda stub: stub.FreezeTraffic(
                pb.FreezeTrafficRequest(model="digits", reason="x" * 1_001)
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            "REASON_TOO_LONG",
        ),
        (
            lambda stub: stub.ShiftTraffic(
                pb.ShiftTrafficRequest(model="digits", weights_bp={1: 10_000}, unit=9)  # type: ignore[arg-type]  # what no enum has
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            "UNIT_INVALID",
        ),
        (
            lambda stub: stub.KillVersion(pb.KillVersionRequest(model="digits", version=1)),
            grpc.StatusCode.FAILED_PRECONDITION,
            "REPLACEMENT_NEEDED",
        ),
    ],
)
async def test_what_cannot_be_is_refused(
    control: Control, call: Request, code: grpc.StatusCode, reason: str
) -> None:
    stub = await serve_digits(control)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(stub)  # type: ignore[misc]  # whatever the stub returns

    assert caught.value.code() is code
    assert errors.from_rpc_error(caught.value).reason == reason
