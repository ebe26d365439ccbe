from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink import audience, split
from algolink.errors import InvalidArgument
from algolink.split import BUCKETS
from mesh import attempts, table
from mesh.attempts import Failure, Limits, Retries
from mesh.table import Endpoint, ModelRoute, Pool, Snapshot, Split


def a_split(**changes: Any) -> Split:
    values: dict[str, Any] = {
        "experiment": "digits-1",
        "phase": 1,
        "salt": "exp-1",
        "per_request": False,
        "table": split.allocate({"control": 9_000, "better": 1_000}),
        "versions": {"control": 1, "better": 2},
        "control": "control",
        "experiment_revision": 7,
    }
    return Split(**values | changes)


def a_route(**changes: Any) -> ModelRoute:
    values: dict[str, Any] = {
        "model": "digits",
        "pool": "default",
        "champion": 1,
        "versions": (1, 2),
        "split": a_split(),
    }
    return ModelRoute(**values | changes)


def a_pool(**changes: Any) -> Pool:
    values: dict[str, Any] = {
        "name": "default",
        "grpc": (Endpoint("127.0.0.1", 8001), Endpoint("127.0.0.1", 8011)),
        "http": (Endpoint("127.0.0.1", 8000), Endpoint("127.0.0.1", 8010)),
    }
    return Pool(**values | changes)


def a_snapshot(*routes: ModelRoute) -> Snapshot:
    return Snapshot(
        routes={route.model: route for route in routes or (a_route(),)},
        pools={"default": a_pool()},
    )


model_ids = st.from_regex("[a-z]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
splits = st.builds(
    lambda share, phase, per_request, fallback: a_split(
        table=split.allocate({"control": BUCKETS - share, "better": share}),
        phase=phase,
        per_request=per_request,
        fallback=fallback,
    ),
    st.integers(0, BUCKETS),
    st.integers(1, 100),
    st.booleans(),
    st.none() | st.builds(table.Fallback, attempt_timeout_ms=st.integers(1, 30_000)),
)
tests = st.one_of(
    st.builds(audience.Equals, st.sampled_from(["FR", "two words"])),
    st.builds(audience.Prefix, st.sampled_from(["F", "tester-"])),
    st.builds(audience.In, st.sampled_from([("FR",), ("FR", "BE")])),
    st.builds(audience.Regex, st.sampled_from([".*", "[a-z]+"])),
    st.builds(audience.Range, st.integers(-(2**63), 0), st.integers(1, 2**63 - 1)),
)
conditions = st.builds(
    audience.Condition,
    attribute=st.sampled_from(["country", "age"]),
    test=tests,
    negated=st.booleans(),
)
audiences = st.builds(
    table.Audience,
    conditions=st.lists(conditions, min_size=1, max_size=3).map(tuple),
    version=st.sampled_from([None, 1, 2]),
)
handlings = st.builds(
    attempts.Handling,
    timeout_ms=st.integers(30_000, 3_600_000),
    attempt_timeout_ms=st.none() | st.integers(1, 30_000),
    retries=st.builds(
        attempts.Retries,
        number=st.integers(0, 10),
        on=st.sets(st.sampled_from(attempts.Failure), min_size=1).map(
            lambda some: tuple(failure for failure in attempts.Failure if failure in some)
        ),
        backoff_ms=st.integers(1, 50),
    ),
    limits=st.integers(1, 65_536).map(lambda n: attempts.Limits(requests=n, pending=65_536)),
)
routes = st.builds(
    lambda model, more, its_split, shadow, audiences, rules: a_route(
        **rules,
        model=model,
        versions=tuple(sorted({1, 2} | more)),
        split=its_split,
        shadow=shadow,
        audiences=tuple(audiences),
    ),
    model_ids,
    st.sets(st.integers(3, 10**18 - 1), max_size=3),
    st.none() | splits,
    st.none() | st.builds(table.Shadow, version=st.just(2), share_bp=st.integers(1, BUCKETS)),
    st.lists(audiences, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "overrides": st.dictionaries(
                st.from_regex("[A-Za-z0-9._:@+/=-]{1,8}", fullmatch=True), st.sampled_from([1, 2])
            ),
            "holdout": st.builds(
                table.Holdout, layer=st.just("layer"), share_bp=st.integers(1, BUCKETS)
            ),
            "handling": handlings,
            "rules_revision": st.integers(0, 9),
        },
    ),
)
snapshots = st.builds(
    lambda some, foreign: Snapshot(
        routes={route.model: route for route in some}, pools={"default": a_pool(foreign=foreign)}
    ),
    st.lists(routes, max_size=4, unique_by=lambda route: route.model),
    st.booleans(),
)


def through_json(value: dict[str, Any]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(value))
    return loaded


@given(snapshots)
def test_a_snapshot_comes_back_from_json_as_it_was(snapshot: Snapshot) -> None:
    again = table.from_json(through_json(table.to_json(snapshot)))

    assert again == snapshot
    assert again.revision == snapshot.revision


@given(routes)
def test_a_route_comes_back_from_json_as_it_was(route: ModelRoute) -> None:
    again = table.route_from_json(through_json(table.route_to_json(route)))

    assert again == route
    assert again.revision == route.revision


def test_the_revision_is_the_same_in_every_process_and_release() -> None:
    assert a_snapshot().revision == "0eb02c54d2fd2ba3"
    assert a_route().revision == "b68e52fb4b1e86ad"
    assert Snapshot().revision == "6e740fe71a82cf7f"


def test_the_order_in_which_things_were_told_does_not_change_the_revision() -> None:
    iris = a_route(model="iris", split=None)
    reordered = a_split(versions={"better": 2, "control": 1})

    assert a_snapshot(a_route(), iris).revision == a_snapshot(iris, a_route()).revision
    assert a_route(split=reordered).revision == a_route().revision


@pytest.mark.parametrize(
    "change",
    [
        {"champion": 2},
        {"versions": (1, 2, 3)},
        {"split": None},
        {"split": a_split(phase=2)},
        {"split": a_split(salt="exp-2")},
        {"split": a_split(per_request=True)},
        {"split": a_split(experiment_revision=8)},
        {"split": a_split(table=split.allocate({"control": 8_999, "better": 1_001}))},
    ],
    ids=str,
)
def test_a_change_that_a_data_plane_sees_changes_the_revision(change: dict[str, Any]) -> None:
    assert a_route(**change).revision != a_route().revision
    assert a_snapshot(a_route(**change)).revision != a_snapshot().revision


def test_a_replica_that_comes_changes_the_revision_of_the_snapshot_alone() -> None:
    before = a_snapshot()
    more = a_pool(grpc=(*a_pool().grpc, Endpoint("127.0.0.1", 8021)))

    after = replace(before, pools={"default": more})

    assert after.revision != before.revision
    assert after.routes["digits"].revision == before.routes["digits"].revision


def test_an_arm_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match=r"arms without a version: \['better'\]"):
        a_split(versions={"control": 1})


@pytest.mark.parametrize("versions", [(2, 1), (1, 1, 2)])
def test_versions_that_do_not_ascend_are_refused(versions: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must ascend"):
        a_route(versions=versions)


@pytest.mark.parametrize(
    "route",
    [{"champion": 3}, {"versions": (1,)}, {"versions": ()}],
    ids=["champion", "arm", "nothing"],
)
def test_a_version_that_is_routed_but_not_served_is_refused(route: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="digits routes"):
        a_route(**route)


def test_a_model_id_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        a_route(model="Digits")


def test_a_route_to_a_pool_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown pool default"):
        Snapshot(routes={"digits": a_route()})


def test_a_route_under_another_models_name_is_refused() -> None:
    with pytest.raises(ValueError, match="filed under iris"):
        Snapshot(routes={"iris": a_route()}, pools={"default": a_pool()})


def test_a_route_without_kills_is_written_as_before_there_were_any() -> None:
    written = table.route_to_json(a_route())

    assert "killed" not in written
    assert table.route_from_json(written) == a_route()


def test_a_route_with_kills_comes_back_from_json_as_it_was() -> None:
    route = a_route(versions=(1,), killed=(2, 3))

    assert table.route_from_json(json.loads(json.dumps(table.route_to_json(route)))) == route
    assert route.revision != a_route().revision
    assert [route.unkilled(version) for version in (1, 2)] == [1, 1]


@pytest.mark.parametrize("killed", [(1,), (2,), (3, 2)])
def test_what_is_killed_is_not_served(killed: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="serves what it killed"):
        a_route(versions=(1, 2), killed=killed)


def test_a_split_of_before_there_was_fallback_has_none() -> None:
    old = table.route_to_json(a_route())
    del old["split"]["fallback"]

    read = table.route_from_json(old)

    assert read.split is not None
    assert read.split.fallback is None


@pytest.mark.parametrize("attempt_timeout_ms", [0, -1, 3_600_001])
def test_an_attempt_takes_some_time(attempt_timeout_ms: int) -> None:
    with pytest.raises(ValueError, match="1 to 3600000 ms"):
        table.Fallback(attempt_timeout_ms=attempt_timeout_ms)


def test_an_attempt_ends_within_its_request() -> None:
    fallback = table.Fallback(attempt_timeout_ms=30_001)

    with pytest.raises(ValueError, match="1 to 30000 ms"):
        a_route(split=a_split(fallback=fallback))
    with pytest.raises(ValueError, match="does not fit into a request of 100 ms"):
        table.Handling(timeout_ms=100, attempt_timeout_ms=101)


@pytest.mark.parametrize("share_bp", [0, -1, 10_001])
def test_a_shadow_gets_some_of_the_traffic(share_bp: int) -> None:
    with pytest.raises(ValueError, match="1 to 10000 basis points"):
        table.Shadow(version=2, share_bp=share_bp)


def test_a_shadow_is_a_version_that_is_served() -> None:
    with pytest.raises(ValueError, match=r"digits routes \[1, 2, 3\] but serves \[1, 2\]"):
        a_route(shadow=table.Shadow(version=3, share_bp=10_000))


FRENCH = audience.Condition(attribute="country", test=audience.Equals("FR"))


def test_an_audience_goes_to_a_version_that_is_served() -> None:
    with pytest.raises(ValueError, match=r"digits routes \[1, 2, 3\] but serves \[1, 2\]"):
        a_route(audiences=(table.Audience(conditions=(FRENCH,), version=3),))


@pytest.mark.parametrize("count", [0, 17])
def test_an_audience_has_a_few_conditions(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 16 conditions"):
        table.Audience(conditions=(FRENCH,) * count)


def test_a_route_has_a_few_audiences() -> None:
    with pytest.raises(ValueError, match="17 audiences, over 16"):
        a_route(audiences=(table.Audience(conditions=(FRENCH,)),) * 17)


def test_a_split_has_64_arms_at_most() -> None:
    versions = {"control": 1} | {f"arm-{i}": 2 for i in range(64)}

    with pytest.raises(ValueError, match="65 arms, over 64"):
        a_split(versions=versions, table=split.allocate({"control": BUCKETS}))


def test_a_split_has_1000_segments_at_most() -> None:
    arms = ["control", "better"] * 501
    edges = [*range(len(arms)), BUCKETS]
    segments = tuple(
        split.Segment(start, end, arm)
        for start, end, arm in zip(edges, edges[1:], arms, strict=False)
    )

    with pytest.raises(ValueError, match="1002 segments, over 1000"):
        a_split(table=split.Table(segments))


def test_a_route_keeps_its_revision_when_routes_learn_to_hold_more() -> None:
    assert table.route_to_json(a_route()).keys() == {
        "model",
        "pool",
        "champion",
        "versions",
        "split",
    }


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"holdout": lambda: table.Holdout(layer="", share_bp=1)}, "'' is no layer"),
        ({"holdout": lambda: table.Holdout(layer="My layer", share_bp=1)}, "is no layer"),
        ({"holdout": lambda: table.Holdout(layer="x", share_bp=0)}, "1 to 10000 basis points"),
        ({"holdout": lambda: table.Holdout(layer="x", share_bp=10_001)}, "1 to 10000 basis"),
        ({"overrides": lambda: {"two words": 1}}, "'two words' is no unit"),
        ({"overrides": lambda: {"": 1}}, "'' is no unit"),
        ({"overrides": lambda: {"ann": 7}}, r"routes \[1, 2, 7\] but serves \[1, 2\]"),
        ({"overrides": lambda: {f"u{n}": 1 for n in range(257)}}, "257 units .* over 256"),
        ({"handling": lambda: attempts.Handling(timeout_ms=0)}, "1 to 3600000 ms, not 0"),
        ({"handling": lambda: Retries(number=11)}, "0 to 10 retries can be made, not 11"),
        ({"handling": lambda: Retries(number=-1)}, "0 to 10 retries can be made, not -1"),
        ({"handling": lambda: Retries(on=())}, "need a failure to retry on"),
        ({"handling": lambda: Retries(on=(Failure.RESET, Failure.RESET))}, "named once"),
        ({"handling": lambda: Retries(backoff_ms=60)}, "its end before its beginning"),
        ({"handling": lambda: Retries(backoff_ms=0)}, "1 to 10000 ms"),
        ({"handling": lambda: Limits(requests=0)}, "1 <= requests <= pending"),
        ({"handling": lambda: Limits(requests=5, pending=4)}, "1 <= requests <= pending"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_rule_can_say_is_refused(broken: dict[str, Callable[[], Any]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        a_route(**{key: make() for key, make in broken.items()})


def test_two_audiences_have_two_names() -> None:
    one = table.Audience(
        conditions=(audience.Condition(attribute="x", test=audience.Equals("y")),), name="same"
    )

    with pytest.raises(ValueError, match="two audiences are called same"):
        a_route(audiences=(one, one))
    with pytest.raises(ValueError, match="'No name' is no name of an audience"):
        replace(one, name="No name")


def test_a_route_of_before_there_were_rules_keeps_its_revision() -> None:
    said = table.route_to_json(a_route())

    assert said.keys() == {"model", "pool", "champion", "versions", "split"}
    assert table.route_from_json(said).revision == a_route().revision


def test_a_version_that_answers_for_failures_is_served() -> None:
    with pytest.raises(ValueError, match="routes"):
        a_route(split=a_split(fallback=table.Fallback(version=3)))
    a_route(split=a_split(fallback=table.Fallback(version=3)), killed=(3,))
