"""Rules over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import grpc
import pytest

from algolink.router.v1 import router_pb2, rules_pb2
from algolink.router.v1 import traffic_pb2 as pb
from algolink.router.v1.traffic_pb2_grpc import TrafficServiceStub
from chassis import errors
from router_svc.domain.world import Model
from router_svc.store_memory import MemoryStore
from tests.router_svc.builders import a_model, a_replica, an_experiment
from tests.router_svc.conftest import Control, Controls

FRENCH = rules_pb2.Condition(attribute="country", any_of=rules_pb2.Choices(values=["FR", "MC"]))
ADULT = rules_pb2.Condition(attribute="age", range=rules_pb2.IntegerRange(start=18, end=130))

EVERYTHING = rules_pb2.Rules(
    overrides=[rules_pb2.Override(unit="tester-1", version=3)],
    audiences=[
        rules_pb2.Audience(name="french-adults", conditions=[FRENCH, ADULT], version=2),
        rules_pb2.Audience(conditions=[rules_pb2.Condition(attribute="x", regex="a+")]),
    ],
    holdout=rules_pb2.Holdout(share_bp=10_000),
    shadow=rules_pb2.Shadow(version=3, share_bp=2_500),
    fallback=rules_pb2.Fallback(version=3),
    timeouts=rules_pb2.Timeouts(request_ms=5_000, attempt_ms=1_000),
    retries=rules_pb2.Retries(number=1, on=[rules_pb2.RETRY_CONDITION_INTERNAL], backoff_ms=100),
    limits=rules_pb2.Limits(requests=7),
)


DIGITS = a_model(aliases={"canary": 2, "nightly": 3})


async def serve_digits(control: Control, model: Model = DIGITS) -> TrafficServiceStub:
    control.router.replicas.announce(a_replica(ready=[1, 2, 3]))
    control.show(model, experiments=(an_experiment(),))
    await control.table(1)
    return TrafficServiceStub(control.line)


def setting(rules: rules_pb2.Rules, etag: str = "") -> pb.SetRulesRequest:
    return pb.SetRulesRequest(model="digits", rules=rules, etag=etag, reason="to see")


async def explained(
    control: Control, *attributes: tuple[str, str], unit: str = "user-1"
) -> router_pb2.Explanation:
    explanation: router_pb2.Explanation = await control.routes.Explain(
        router_pb2.ExplainRequest(
            model="digits",
            unit=unit,
            attributes=[router_pb2.Attribute(name=n, value=v) for n, v in attributes],
        )
    )
    return explanation


def deciding(explanation: router_pb2.Explanation) -> Sequence[str]:
    return [rule.rule for rule in explanation.rules if rule.decided]


async def test_rules_are_shown_as_they_were_set_and_routed(control: Control) -> None:
    stub = await serve_digits(control)

    decided = await stub.SetRules(setting(EVERYTHING))
    await control.table(2)
    route = await control.routes.GetRoute(router_pb2.GetRouteRequest(model="digits"))

    shown = rules_pb2.Rules()
    shown.CopyFrom(EVERYTHING)
    shown.holdout.layer = "holdout-digits"
    shown.retries.max_backoff_ms = 100
    shown.limits.pending = 7
    shown.revision = 1
    assert decided.rules == shown
    assert route.rules == shown
    assert (decided.revision, decided.etag) == (1, "r1")


async def test_where_a_request_goes_is_explained_rule_by_rule(control: Control) -> None:
    stub = await serve_digits(control)
    await stub.SetRules(setting(EVERYTHING))
    await control.table(2)

    french = await explained(control, ("Country", "FR"), ("age", "42"))
    twice = await explained(control, ("country", "FR"), ("country", "FR"), ("age", "42"))
    tester = await explained(control, unit="tester-1")

    assert (french.version, deciding(french)) == (2, ["audience"])
    [audience] = [rule for rule in french.rules if rule.decided]
    assert [(c.condition, c.holds, c.found) for c in audience.conditions] == [
        ("country in FR, MC", True, "country is 'FR'"),
        ("age in [18, 130)", True, "age is '42'"),
    ]
    assert (twice.version, deciding(twice)) == (1, ["holdout"])
    assert twice.HasField("holdout_bucket")
    assert (tester.version, deciding(tester)) == (3, ["override"])
    assert (tester.rules_revision, tester.shadow_version, tester.shadow_share_bp) == (1, 3, 2_500)


async def test_a_past_route_is_explained_by_the_rules_of_then(control: Control) -> None:
    stub = await serve_digits(control)
    control.clock.advance(10)
    between = control.clock.now()
    control.clock.advance(10)
    await stub.SetRules(setting(EVERYTHING))
    await control.table(2)

    request = router_pb2.ExplainRequest(model="digits", unit="tester-1")
    now = await control.routes.Explain(request)
    request.time.FromDatetime(between)
    then = await control.routes.Explain(request)

    assert (now.version, deciding(now), now.rules_revision) == (3, ["override"], 1)
    assert (deciding(then), then.rules_revision) == (["experiment"], 0)


async def test_of_two_operators_at_once_the_second_is_aborted(control: Control) -> None:
    stub = await serve_digits(control)
    etag = (await stub.GetTraffic(pb.GetTrafficRequest(model="digits"))).etag

    outcomes = await asyncio.gather(
        stub.SetRules(setting(EVERYTHING, etag)),
        stub.SetRules(setting(rules_pb2.Rules(shadow=EVERYTHING.shadow), etag)),
        return_exceptions=True,
    )

    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert refused.code() is grpc.StatusCode.ABORTED
    assert errors.from_rpc_error(refused).reason == "ETAG_MISMATCH"


async def test_rules_are_history_and_survive_a_restart(controls: Controls) -> None:
    store = MemoryStore()
    control = await controls.start(store)
    stub = await serve_digits(control)
    await stub.SetRules(setting(EVERYTHING))
    await control.table(2)
    again = await controls.start(store)
    stub = await serve_digits(again)

    kept = await again.routes.GetRoute(router_pb2.GetRouteRequest(model="digits"))
    cleared = await stub.ClearRules(pb.ClearRulesRequest(model="digits"))
    await again.table(3)
    history = await stub.ListTrafficHistory(pb.ListTrafficHistoryRequest(model="digits"))

    assert kept.rules.overrides == EVERYTHING.overrides
    assert not cleared.HasField("rules")
    decisions = [event.decision for event in history.events if event.HasField("decision")]
    assert [decision.action for decision in decisions] == [
        pb.TRAFFIC_ACTION_CLEAR_RULES,
        pb.TRAFFIC_ACTION_SET_RULES,
    ]
    assert decisions[1].reason == "to see"
    assert decisions[1].traffic.rules.audiences == EVERYTHING.audiences


def one_condition(**condition: object) -> rules_pb2.Rules:
    made = rules_pb2.Condition(**{"attribute": "x", **condition})  # type: ignore[arg-type]  # a table of cases
    fine = rules_pb2.Audience(conditions=[FRENCH], version=2)
    return rules_pb2.Rules(
        audiences=[fine, rules_pb2.Audience(conditions=[FRENCH, made], version=2)]
    )


AT = "audiences[1].conditions[1]"


@pytest.mark.parametrize(
    ("rules", "code", "reason", "field", "words"),
    [
        (one_condition(equals=""), "INVALID_ARGUMENT", "CONDITION_INVALID", AT, "''"),
        (one_condition(equals="ü"), "INVALID_ARGUMENT", "CONDITION_INVALID", AT, "'\\xfc'"),
        (one_condition(), "INVALID_ARGUMENT", "RULES_INVALID", AT, "needs a test"),
        (
            one_condition(any_of=rules_pb2.Choices()),
            "INVALID_ARGUMENT",
            "CONDITION_INVALID",
            AT,
            "none of no values",
        ),
        (
            one_condition(attribute="Country", equals="FR"),
            "INVALID_ARGUMENT",
            "CONDITION_INVALID",
            AT,
            "'Country' is no attribute: 1 to 32 of a-z0-9-",
        ),
        (
            one_condition(attribute="a_b\r\nx: y", equals="FR"),
            "INVALID_ARGUMENT",
            "CONDITION_INVALID",
            AT,
            "'a_b\\r\\nx: y' is no attribute",
        ),
        (
            one_condition(attribute="x" * 33, equals="FR"),
            "INVALID_ARGUMENT",
            "CONDITION_INVALID",
            AT,
            "is no attribute",
        ),
        (
            one_condition(regex="(?=look)"),
            "INVALID_ARGUMENT",
            "CONDITION_INVALID",
            AT,
            "'(?=look)' is not a regular expression of RE2",
        ),
        (
            one_condition(regex="[a-z]{1,250}"),
            "INVALID_ARGUMENT",
            "CONDITION_INVALID",
            AT,
            "program size",
        ),
        (
            one_condition(range=rules_pb2.IntegerRange(start=5, end=5)),
            "INVALID_ARGUMENT",
            "CONDITION_INVALID",
            AT,
            "no integer is in [5, 5)",
        ),
        (
            rules_pb2.Rules(audiences=[rules_pb2.Audience(version=2)]),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "audiences[0]",
            "1 to 16 conditions, not 0",
        ),
        (
            rules_pb2.Rules(audiences=[rules_pb2.Audience(conditions=[FRENCH])] * 17),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "audiences",
            "there are 17 audiences, over 16",
        ),
        (
            rules_pb2.Rules(overrides=[rules_pb2.Override(unit="two words", version=1)]),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "overrides[0].unit",
            "'two words' is no unit",
        ),
        (
            rules_pb2.Rules(overrides=[rules_pb2.Override(unit="ann", version=1)] * 2),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "overrides[1].unit",
            "ann is overridden before",
        ),
        (
            rules_pb2.Rules(
                overrides=[rules_pb2.Override(unit=f"u{n}", version=1) for n in range(257)]
            ),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "overrides",
            "257 units are overridden, over 256",
        ),
        (
            rules_pb2.Rules(holdout=rules_pb2.Holdout(share_bp=10_001)),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "holdout",
            "1 to 10000 basis points, not 10001",
        ),
        (
            rules_pb2.Rules(holdout=rules_pb2.Holdout(share_bp=1, layer="My layer")),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "holdout",
            "'My layer' is no layer",
        ),
        (
            rules_pb2.Rules(shadow=rules_pb2.Shadow(version=2, share_bp=-1)),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "shadow",
            "1 to 10000 basis points, not -1",
        ),
        (
            rules_pb2.Rules(fallback=rules_pb2.Fallback(none=True, version=2)),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "fallback",
            "either none or a version",
        ),
        (
            rules_pb2.Rules(timeouts=rules_pb2.Timeouts(request_ms=100, attempt_ms=101)),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "timeouts",
            "does not fit into a request of 100 ms",
        ),
        (
            rules_pb2.Rules(retries=rules_pb2.Retries(number=11)),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "retries",
            "0 to 10 retries can be made, not 11",
        ),
        (
            rules_pb2.Rules(retries=rules_pb2.Retries(number=1, on=[0])),  # type: ignore[list-item]  # what no rule says
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "retries",
            "0 is no condition to retry on",
        ),
        (
            rules_pb2.Rules(limits=rules_pb2.Limits(requests=-1)),
            "INVALID_ARGUMENT",
            "RULES_INVALID",
            "limits",
            "-1 requests",
        ),
        (rules_pb2.Rules(), "INVALID_ARGUMENT", "RULES_INVALID", "rules", "they say nothing"),
        (
            rules_pb2.Rules(shadow=rules_pb2.Shadow(version=9, share_bp=1)),
            "NOT_FOUND",
            "VERSION_NOT_FOUND",
            "shadow.version",
            "no version 9 of digits",
        ),
        (
            rules_pb2.Rules(fallback=rules_pb2.Fallback(version=3)),
            "FAILED_PRECONDITION",
            "VERSION_ARCHIVED",
            "fallback.version",
            "version 3 of digits is archived",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_no_rules_are_is_refused_where_it_is_said(
    control: Control, rules: rules_pb2.Rules, code: str, reason: str, field: str, words: str
) -> None:
    stub = await serve_digits(control, replace(DIGITS, archived=frozenset({3})))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.SetRules(setting(rules))

    error = errors.from_rpc_error(caught.value)
    assert (caught.value.code().name, error.reason) == (code, reason)
    assert error.metadata["field"] == field
    assert error.message.startswith(f"{field}: ")
    assert words in error.message
    shown = await stub.GetTraffic(pb.GetTrafficRequest(model="digits"))
    assert (shown.revision, shown.HasField("rules")) == (0, False)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({1: 10_001, 2: -1}, "10001"),
        ({1: -10_000, 2: 20_000}, "-10000"),
        ({1: 0, 2: 0}, "weights sum to 0"),
        ({}, "weights sum to 0"),
        ({1: 9_000}, "weights sum to 9000"),
    ],
    ids=str,
)
async def test_weights_that_are_no_shares_are_refused(
    control: Control, weights: dict[int, int], words: str
) -> None:
    control.router.replicas.announce(a_replica(ready=[1, 2, 3]))
    control.show(a_model())
    await control.table(1)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await TrafficServiceStub(control.line).ShiftTraffic(
            pb.ShiftTrafficRequest(model="digits", weights_bp=weights)
        )

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    error = errors.from_rpc_error(caught.value)
    assert error.reason == "WEIGHTS_INVALID"
    assert words in error.message
