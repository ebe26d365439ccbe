"""`client.traffic`, blocking and asyncio."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from algolink.audience import Condition, In, Regex
from algolink.client import AsyncClient, Client
from algolink.client.rules import (
    Audience,
    Holdout,
    Limits,
    Retries,
    Rules,
    Shadow,
    Timeouts,
)
from algolink.errors import Aborted, DeadlineExceeded, InvalidArgument
from algolink.router.v1 import rules_pb2
from tests.algolink_client import fakes


@pytest.fixture
def world() -> fakes.World:
    return fakes.World()


@pytest.fixture
def endpoint(world: fakes.World) -> Iterator[str]:
    with fakes.serving(world) as address:
        yield address


@pytest.fixture
def client(endpoint: str) -> Iterator[Client]:
    with Client(endpoint, data_endpoint=endpoint, token=fakes.TOKEN) as connected:
        yield connected


def test_decisions_follow_on_one_another(client: Client) -> None:
    shifted = client.traffic.shift("models/iris", {1: 9_000, 2: 1_000}, unit="request")
    killed = client.traffic.kill("iris", 2, to=1, etag=shifted.etag, reason="wrong")
    with pytest.raises(Aborted):
        client.traffic.freeze("iris", etag=shifted.etag)
    client.traffic.freeze("iris", etag=killed.etag)
    client.traffic.unfreeze("iris")
    client.traffic.revive("iris", 2)
    left = client.traffic.clear("iris")

    assert dict(shifted.shift.weights_bp) == {1: 9_000, 2: 1_000}
    assert [k.version for k in killed.killed] == [2]
    assert client.traffic.get("iris") == left
    assert (left.revision, left.HasField("shift"), left.live) == (6, False, True)
    assert len(client.traffic.history("iris", limit=100)) == 8


async def test_the_asyncio_client_does_the_same(endpoint: str) -> None:
    async with AsyncClient(endpoint, data_endpoint=endpoint, token=fakes.TOKEN) as client:
        shifted = await client.traffic.shift("iris", {1: 9_000, 2: 1_000})
        await client.traffic.kill("iris", 2)
        await client.traffic.revive("iris", 2)
        await client.traffic.freeze("iris")
        await client.traffic.unfreeze("iris")
        left = await client.traffic.clear("iris", wait=False)

        assert shifted.live
        assert await client.traffic.get("iris") == left
        assert len(await client.traffic.history("iris", limit=3)) == 3


RULES = Rules(
    overrides={"ann": 2},
    audiences=[
        Audience([Condition(attribute="country", test=In(("FR", "MC")))], version=2, name="french"),
        Audience([Condition(attribute="x", test=Regex("a+"), negated=True)]),
    ],
    holdout=Holdout(share_bp=500, layer="spring"),
    shadow=Shadow(version=3, share_bp=10),
    fallback=3,
    timeouts=Timeouts(request_ms=500),
    retries=Retries(number=1, on=["internal", "reset"]),
    limits=Limits(requests=3, pending=4),
)


def test_rules_are_sent_whole_and_ended(client: Client) -> None:
    decided = client.traffic.rules.set("models/iris", RULES, reason="beta")
    shown = client.traffic.rules.get("iris")
    again = client.traffic.rules.set("iris", shown, etag=decided.etag)
    with pytest.raises(Aborted):
        client.traffic.rules.clear("iris", etag=decided.etag)
    cleared = client.traffic.rules.clear("iris", etag=again.etag)

    assert [(o.unit, o.version) for o in shown.overrides] == [("ann", 2)]
    assert [(a.name, a.version, len(a.conditions)) for a in shown.audiences] == [
        ("french", 2, 1),
        ("", 0, 1),
    ]
    assert (shown.holdout.share_bp, shown.holdout.layer) == (500, "spring")
    assert (shown.fallback.version, shown.timeouts.request_ms, shown.limits.pending) == (3, 500, 4)
    assert list(shown.retries.on) == [
        rules_pb2.RETRY_CONDITION_INTERNAL,
        rules_pb2.RETRY_CONDITION_RESET,
    ]
    assert not cleared.HasField("rules")
    assert client.traffic.rules.get("iris").revision == 0


async def test_the_asyncio_client_sets_rules_alike(endpoint: str) -> None:
    async with AsyncClient(endpoint, data_endpoint=endpoint, token=fakes.TOKEN) as client:
        decided = await client.traffic.rules.set("iris", RULES)
        shown = await client.traffic.rules.get("iris")
        cleared = await client.traffic.rules.clear("iris", wait=False)

    assert decided.rules == shown
    assert not cleared.HasField("rules")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Rules(fallback="nobody"), "'nobody' is not champion, none or a version"),  # type: ignore[arg-type]  # a mistake
        (Rules(retries=Retries(number=1, on=["timeout"])), "'timeout' is no failure to retry on"),
        (Rules(overrides={"ann": 2**63}), "these are no rules"),
        (Rules(holdout=Holdout(share_bp=2**31)), "these are no rules"),
        (Rules(overrides={"ann": "two"}), "these are no rules"),  # type: ignore[dict-item]  # a mistake
    ],
)
def test_rules_that_no_message_holds_are_refused_here(
    client: Client, rules: Rules, words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words) as caught:
        client.traffic.rules.set("iris", rules)

    assert caught.value.reason == "RULES_INVALID"


def test_an_attribute_may_be_sent_twice_to_see_what_happens(
    client: Client, world: fakes.World
) -> None:
    client.push(b"a model", name="iris")

    explained = client.explain("iris", attributes={"country": ["FR", "DE"], "age": "42"})

    sent = [condition.found for condition in explained.rules[0].conditions]
    assert sent == ["country is FR", "country is DE", "age is 42"]


def test_a_prediction_carries_attributes(client: Client, world: fakes.World) -> None:
    client.push(b"a model", name="iris")

    client.predict("iris", [[1.0]], unit="u", attributes={"country": "FR", "age": "42"})

    assert world.attributes[-1] == {"country": "FR", "age": "42"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Country", "FR", "'Country' is no name of an attribute: 1 to 32 of a-z0-9-"),
        ("country", "", "attribute country: '' is not 1 to 256 printable ASCII characters"),
        ("country", "F" * 257, "attribute country"),
        ("country", "Curaçao", "attribute country"),
    ],
)
def test_an_attribute_that_no_audience_would_see_is_refused(
    client: Client, world: fakes.World, name: str, value: str, words: str
) -> None:
    client.push(b"a model", name="iris")

    with pytest.raises(InvalidArgument, match=words) as caught:
        client.predict("iris", [[1.0]], attributes={name: value})

    assert caught.value.reason == "ATTRIBUTE_INVALID"
    assert world.attributes == []


def test_both_have_the_same_surface(client: Client) -> None:
    def surface(kind: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(method))
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    from algolink.client.aio_rules import AsyncRulesClient
    from algolink.client.aio_traffic import AsyncTrafficClient

    assert surface(type(client.traffic)) == surface(AsyncTrafficClient)
    assert surface(type(client.traffic.rules)) == surface(AsyncRulesClient)


def test_a_wait_that_is_too_short_leaves_the_decision(client: Client, world: fakes.World) -> None:
    world.live = False

    with pytest.raises(DeadlineExceeded) as caught:
        client.traffic.shift("iris", {1: 9_000, 2: 1_000}, wait_timeout_s=0.2)

    assert caught.value.reason == "ROUTE_NOT_LIVE"
    assert client.traffic.get("iris").revision == 1


@pytest.mark.parametrize(
    ("weights_bp", "unit", "reason"),
    [
        ({1: -1, 2: 10_001}, None, "WEIGHTS_INVALID"),
        ({2**63: 10_000}, None, "WEIGHTS_INVALID"),
        ({1: 10_000}, "cookie", "UNIT_INVALID"),
    ],
)
def test_what_no_message_holds_is_refused_here(
    client: Client, weights_bp: dict[int, int], unit: str | None, reason: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        client.traffic.shift("iris", weights_bp, unit=unit)

    assert caught.value.reason == reason


def test_a_time_without_a_zone_is_refused(client: Client) -> None:
    with pytest.raises(InvalidArgument) as caught:
        client.explain("iris", at=datetime(2026, 11, 21, tzinfo=UTC).replace(tzinfo=None))

    assert caught.value.reason == "TIME_INVALID"
