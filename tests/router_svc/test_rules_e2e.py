"""Rules with a router process and a real Envoy, under load."""

from __future__ import annotations

import itertools
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc import service_pb2

from algolink import split
from algolink.router.v1 import router_pb2, rules_pb2
from algolink.router.v1 import traffic_pb2 as pb
from algolink.router.v1.traffic_pb2_grpc import TrafficServiceStub
from tests.router_svc.builders import a_model, an_experiment
from tests.router_svc.neighbours import until
from tests.router_svc.stack import Stack, stack

pytestmark = pytest.mark.e2e

FRENCH = rules_pb2.Condition(attribute="country", equals="FR")
RULES = [
    rules_pb2.Rules(overrides=[rules_pb2.Override(unit="unit-1", version=3)]),
    rules_pb2.Rules(
        overrides=[rules_pb2.Override(unit="unit-1", version=3)],
        audiences=[rules_pb2.Audience(name="french", conditions=[FRENCH], version=3)],
        limits=rules_pb2.Limits(requests=500),
    ),
    rules_pb2.Rules(holdout=rules_pb2.Holdout(share_bp=5_000)),
    rules_pb2.Rules(
        holdout=rules_pb2.Holdout(share_bp=2_000),
        retries=rules_pb2.Retries(number=3, backoff_ms=1),
        fallback=rules_pb2.Fallback(version=3),
        timeouts=rules_pb2.Timeouts(request_ms=20_000, attempt_ms=5_000),
    ),
    rules_pb2.Rules(
        shadow=rules_pb2.Shadow(version=3, share_bp=10_000), fallback=rules_pb2.Fallback(none=True)
    ),
]


async def live(running: Stack, decided: pb.Traffic) -> None:
    """Returns once Envoy does what is decided."""
    traffic = TrafficServiceStub(running.control)

    async def done() -> bool:
        shown = await traffic.GetTraffic(pb.GetTrafficRequest(model="digits"))
        return bool(shown.live and shown.revision >= decided.revision)

    await until(done)


async def answer(running: Stack, unit: str, country: str) -> str:
    metadata = [("x-algolink-unit", unit)] if unit else []
    if country:
        metadata.append(("x-algolink-attr-country", country))
    response = await running.inference.ModelInfer(
        service_pb2.ModelInferRequest(model_name="digits"), metadata=metadata, timeout=10
    )
    return str(response.model_version)


async def explained(running: Stack, unit: str, country: str) -> router_pb2.Explanation:
    request = router_pb2.ExplainRequest(model="digits", unit=unit)
    if country:
        request.attributes.add(name="country", value=country)
    explanation: router_pb2.Explanation = await running.routes.Explain(request)
    return explanation


async def test_rules_come_and_go_under_load_and_envoy_does_what_is_explained(
    tmp_path: Path,
) -> None:
    deciding: set[str] = set()
    async with stack(tmp_path, unload_delay_s=1) as running:
        running.neighbours.show_model(a_model(champion=1))
        running.neighbours.show_experiment(
            an_experiment(weights={"control": 5_000, "challenger": 5_000})
        )
        await running.until_live(champion=1)
        traffic = TrafficServiceStub(running.control)
        async with running.load() as load:
            for rules in RULES:
                decided = await traffic.SetRules(pb.SetRulesRequest(model="digits", rules=rules))
                await live(running, decided)
                for unit, country in itertools.product(
                    ["", *(f"unit-{number}" for number in range(12))], ["", "FR"]
                ):
                    explanation = await explained(running, unit, country)
                    assert await answer(running, unit, country) == str(explanation.version)
                    deciding |= {rule.rule for rule in explanation.rules if rule.decided}
            cleared = await traffic.ClearRules(pb.ClearRulesRequest(model="digits"))
            await live(running, cleared)

        assert load.failures == []
        route = await running.route()
        assert route is not None
        assert list(route.versions) == [1, 2]
        await until(lambda: all(len(a.wanted) == 2 for a in running.announcers))
    assert deciding == {"override", "audience", "holdout", "experiment", "champion"}


async def test_a_kill_wins_over_rules_at_once(tmp_path: Path) -> None:
    async with stack(tmp_path) as running:
        running.neighbours.show_model(a_model(champion=1))
        await running.until_live(champion=1)
        traffic = TrafficServiceStub(running.control)
        await live(
            running, await traffic.SetRules(pb.SetRulesRequest(model="digits", rules=RULES[1]))
        )
        assert await answer(running, "unit-1", "") == "3"
        assert await answer(running, "unit-2", "FR") == "3"

        await live(
            running, await traffic.KillVersion(pb.KillVersionRequest(model="digits", version=3))
        )

        assert await answer(running, "unit-1", "") == "1"
        assert await answer(running, "unit-2", "FR") == "1"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.predict("unit-1", version=3)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_units_stay_held_out_from_one_split_to_the_next(tmp_path: Path) -> None:
    async with stack(tmp_path) as running:
        running.neighbours.show_model(a_model(champion=1))
        await running.until_live(champion=1)
        traffic = TrafficServiceStub(running.control)
        rules = rules_pb2.Rules(holdout=rules_pb2.Holdout(share_bp=3_000))
        decided = await traffic.SetRules(pb.SetRulesRequest(model="digits", rules=rules))
        layer = decided.rules.holdout.layer
        held = {u for u in map("unit-{}".format, range(60)) if split.is_held_out(layer, u, 3_000)}
        shares = {2: 10_000}
        await live(
            running,
            await traffic.ShiftTraffic(pb.ShiftTrafficRequest(model="digits", weights_bp=shares)),
        )

        by_shift = {unit: await answer(running, unit, "") for unit in sorted(held)}
        running.neighbours.show_experiment(
            an_experiment(weights={"control": 0, "challenger": 10_000})
        )

        async def experiment_splits() -> bool:
            route = await running.route()
            return route is not None and bool(route.split.experiment) and route.live

        await until(experiment_splits)
        by_experiment = {unit: await answer(running, unit, "") for unit in sorted(held)}

    assert len(held) in range(8, 31)
    assert set(by_shift.values()) == set(by_experiment.values()) == {"1"}


async def test_retries_and_deadlines_are_what_an_operator_sets(tmp_path: Path) -> None:
    async with stack(tmp_path) as running:
        running.neighbours.show_model(a_model(champion=1, aliases={"canary": 2}))
        await running.until_live(champion=1)
        traffic = TrafficServiceStub(running.control)

        async def attempts(rules: rules_pb2.Rules, status: grpc.StatusCode | None) -> int:
            """How often a request that always fails is tried."""
            request = pb.SetRulesRequest(model="digits", rules=rules)
            await live(running, await traffic.SetRules(request))
            for upstream in running.upstreams:
                upstream.failing, upstream.answered = {"1": status}, 0
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await running.predict(None)
            assert status in (None, caught.value.code())
            assert status is not None or "upstream request timeout" in str(caught.value.details())
            return sum(upstream.answered for upstream in running.upstreams)

        on = [rules_pb2.RETRY_CONDITION_INTERNAL, rules_pb2.RETRY_CONDITION_RESET]
        retries = rules_pb2.Retries(number=4, on=on, backoff_ms=1)
        short = rules_pb2.Timeouts(request_ms=10_000, attempt_ms=200)

        assert await attempts(rules_pb2.Rules(retries=retries), grpc.StatusCode.INTERNAL) == 5
        assert await attempts(rules_pb2.Rules(retries=retries), grpc.StatusCode.UNAVAILABLE) == 1
        none = rules_pb2.Rules(retries=rules_pb2.Retries(number=0))
        assert await attempts(none, grpc.StatusCode.UNAVAILABLE) == 1
        assert await attempts(rules_pb2.Rules(retries=retries, timeouts=short), None) == 5
        whole = rules_pb2.Rules(timeouts=rules_pb2.Timeouts(request_ms=200))
        assert await attempts(whole, None) == 1
