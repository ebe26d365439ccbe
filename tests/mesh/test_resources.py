"""Envoy's resources of a snapshot, as values."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from algolink import split
from algolink.audience import Condition, In, Range, Regex
from mesh import attempts, names, resources, table
from mesh.attempts import Failure
from tests.mesh import builders

GOLDEN = Path(__file__).parent / "golden"

RAMPED = split.resize(
    split.allocate({"champion": 6_000, "challenger": 2_000, "third": 2_000}),
    {"champion": 4_000, "challenger": 2_000, "third": 4_000},
)

SNAPSHOTS = {
    "empty": table.Snapshot(),
    "champion_only": builders.a_snapshot(builders.a_route(versions=(1,))),
    "experiment": builders.a_snapshot(builders.a_route(split=builders.a_split())),
    "ramped_per_request": builders.a_snapshot(
        builders.a_route(
            versions=(1, 2, 3),
            split=builders.a_split(
                bucket_table=RAMPED,
                versions={"champion": 1, "challenger": 2, "third": 3},
                per_request=True,
                phase=2,
            ),
        )
    ),
    "shift": builders.a_snapshot(builders.a_route(split=builders.a_shift())),
    "killed_arm": builders.a_snapshot(
        builders.a_route(split=builders.a_split(), versions=(1,), killed=(2, 3))
    ),
    "shadow": builders.a_snapshot(
        builders.a_route(
            versions=(1, 2, 3),
            split=builders.a_split(),
            shadow=table.Shadow(version=3, share_bp=2_500),
        )
    ),
    "audiences": builders.a_snapshot(
        builders.a_route(
            versions=(1, 2, 3),
            split=builders.a_split(),
            audiences=(
                table.Audience(
                    conditions=(
                        Condition(attribute="country", test=In(("FR", "B.E")), negated=True),
                        Condition(attribute="age", test=Range(18, 65)),
                    ),
                    version=3,
                ),
                table.Audience(conditions=(Condition(attribute="tier", test=Regex("gold.*")),)),
            ),
        )
    ),
    "rules": builders.a_snapshot(
        builders.a_route(
            versions=(1, 2, 3),
            split=builders.a_split(),
            overrides={"ann": 3, "b.o@b": 3, "cleo": 1},
            holdout=table.Holdout(layer="holdout-digits", share_bp=500),
            handling=attempts.Handling(
                timeout_ms=10_500,
                attempt_timeout_ms=2_000,
                retries=attempts.Retries(
                    number=3, on=(Failure.RESET, Failure.INTERNAL), backoff_ms=20
                ),
                limits=attempts.Limits(requests=64, pending=128),
            ),
        )
    ),
    "foreign": builders.a_snapshot(builders.a_route(split=builders.a_split()), foreign=True),
    "no_replicas": builders.a_snapshot(builders.a_route(), grpc=(), http=()),
}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_resources_are_what_the_golden_file_says(name: str) -> None:
    """Rewrite the files with UPDATE_GOLDEN=1, and read what has changed."""
    built = resources.build(SNAPSHOTS[name])
    shown = {
        type_url.rpartition(".")[2]: {
            name: json.loads(
                json_format.MessageToJson(resource.body, preserving_proto_field_name=True)
            )
            for name, resource in sorted(named.items())
        }
        for type_url, named in built.by_type.items()
    }
    file = GOLDEN / f"{name}.yaml"

    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(yaml.safe_dump(shown))

    assert yaml.safe_load(file.read_text()) == shown


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_built_resources_are_consistent(name: str) -> None:
    resources.check(resources.build(SNAPSHOTS[name]))


def test_equal_snapshots_make_equal_resources() -> None:
    once, again = (
        resources.build(builders.a_snapshot(builders.a_route(split=builders.a_split())))
        for _ in range(2)
    )

    assert once.revision == again.revision
    assert once.by_type == again.by_type


@given(st.lists(st.sets(st.sampled_from(sorted(SNAPSHOTS))), max_size=6), st.booleans())
def test_resources_made_from_earlier_ones_are_what_they_would_be_anyway(
    snapshots: list[set[str]], grows: bool
) -> None:
    before = None
    for number, chosen in enumerate(snapshots):
        digits = [
            SNAPSHOTS[name].routes["digits"] for name in sorted(chosen) if SNAPSHOTS[name].routes
        ]
        routes = [
            *(replace(route, model=f"digits-{i}", split=None) for i, route in enumerate(digits)),
            *digits[:1],
        ]
        grpc = tuple(table.Endpoint("127.0.0.1", 8001 + n) for n in range(number if grows else 1))
        snapshot = builders.a_snapshot(*routes, grpc=grpc)

        built = resources.build(snapshot, before)
        resources.check(built, before)

        assert built.by_type == resources.build(snapshot).by_type
        before = built


def test_a_change_leaves_the_resources_of_other_models_untouched() -> None:
    other = builders.a_route("other")
    before = resources.build(builders.a_snapshot(builders.a_route(champion=1), other))
    after = resources.build(builders.a_snapshot(builders.a_route(champion=2), other), before)

    assert after.by_type[resources.CDS] is before.by_type[resources.CDS]
    assert after.by_type[resources.EDS] is before.by_type[resources.EDS]
    assert after.by_type[resources.RDS]["other"].body is before.by_type[resources.RDS]["other"].body


def test_what_a_change_takes_away_from_others_is_noticed() -> None:
    split = builders.a_split()
    whole = resources.build(builders.a_snapshot(builders.a_route(split=split)))
    clusters = {n: r for n, r in whole.by_type[resources.CDS].items() if not n.startswith("arm/")}
    lacking = resources.Resources({**whole.by_type, resources.CDS: clusters}, whole.parts)

    with pytest.raises(ValueError, match="arm/digits-1/challenger/grpc"):
        resources.check(lacking, whole)


def test_a_flip_in_a_loaded_pool_changes_one_route_configuration() -> None:
    others = [builders.a_route("other", versions=(1, 2))]
    before = resources.build(builders.a_snapshot(builders.a_route(champion=1), *others))
    after = resources.build(builders.a_snapshot(builders.a_route(champion=2), *others))

    assert changed(before, after) == {(resources.RDS, "digits")}
    assert before.revision != after.revision


def test_a_ramp_changes_one_route_configuration() -> None:
    before, after = (
        resources.build(builders.a_snapshot(builders.a_route(split=builders.a_split(weights))))
        for weights in (
            {"champion": 9_000, "challenger": 1_000},
            {"champion": 5_000, "challenger": 5_000},
        )
    )

    assert changed(before, after) == {(resources.RDS, "digits")}


def test_a_replica_that_goes_changes_endpoints_alone() -> None:
    route = builders.a_route(split=builders.a_split())
    one, two = table.Endpoint("127.0.0.1", 8001), table.Endpoint("127.0.0.1", 8003)
    before = resources.build(builders.a_snapshot(route, grpc=(one, two)))
    after = resources.build(builders.a_snapshot(route, grpc=(one,)))

    assert changed(before, after) == {
        (resources.EDS, "pool/default/grpc"),
        (resources.EDS, "arm/digits-1/challenger/grpc"),
    }


def test_the_control_arm_shares_the_clusters_of_its_pool() -> None:
    built = resources.build(builders.a_snapshot(builders.a_route(split=builders.a_split())))

    assert built.by_type[resources.CDS].keys() == {
        "pool/default/grpc",
        "pool/default/http",
        "arm/digits-1/challenger/grpc",
        "arm/digits-1/challenger/http",
        "fallback/digits-1/challenger/grpc",
        "fallback/digits-1/challenger/http",
    }


def test_the_champion_helps_out_neither_itself_nor_where_it_shall_not() -> None:
    split = builders.a_split()
    without = [
        builders.a_split(fallback=None),
        builders.a_split(versions={"champion": 1, "challenger": 1}),
    ]

    assert composed(builders.a_route(split=split)) == {
        "fallback/digits-1/challenger/grpc",
        "fallback/digits-1/challenger/http",
    }
    for each in without:
        assert composed(builders.a_route(split=each)) == set()


def composed(route: table.ModelRoute) -> set[str]:
    built = resources.build(builders.a_snapshot(route))
    return {name for name in built.by_type[resources.CDS] if name.startswith("fallback/")}


@pytest.mark.parametrize(
    ("type_url", "name", "complaint"),
    [
        (resources.CDS, "pool/default/grpc", "goes to unknown cluster pool/default/grpc"),
        (resources.CDS, "pool/default/grpc", "endpoints of pool/default/grpc have no cluster"),
        (resources.EDS, "pool/default/http", "pool/default/http has no endpoints resource"),
        (resources.RDS, "digits", "scope digits names unknown routes digits"),
        (resources.SRDS, names.SERVER_SCOPE, "scope _server is missing"),
        (
            resources.CDS,
            "arm/digits-1/challenger/grpc",
            "fallback/digits-1/challenger/grpc is composed of unknown cluster",
        ),
        (resources.CDS, "shadow/digits/http", "goes to unknown cluster shadow/digits/http"),
    ],
)
def test_what_lacks_something_is_refused(type_url: str, name: str, complaint: str) -> None:
    route = builders.a_route(
        split=builders.a_split(), shadow=table.Shadow(version=2, share_bp=10_000)
    )
    whole = resources.build(builders.a_snapshot(route))
    left = {n: r for n, r in whole.by_type[type_url].items() if n != name}
    lacking = replace(whole, by_type={**whole.by_type, type_url: left})

    with pytest.raises(ValueError, match=complaint):
        resources.check(lacking)


def changed(before: resources.Resources, after: resources.Resources) -> set[tuple[str, str]]:
    return {
        (type_url, name)
        for type_url in resources.TYPES
        for name in before.by_type[type_url].keys() | after.by_type[type_url].keys()
        if before.by_type[type_url].get(name) != after.by_type[type_url].get(name)
    }


def test_a_kill_changes_one_route_configuration() -> None:
    """No cluster has to warm up first, so it holds as soon as one push is taken."""
    split = builders.a_split()
    before = resources.build(builders.a_snapshot(builders.a_route(split=split)))
    after = resources.build(
        builders.a_snapshot(builders.a_route(split=split, versions=(1,), killed=(2,)))
    )

    assert changed(before, after) == {(resources.RDS, "digits")}


@pytest.mark.parametrize(
    "handling",
    [
        attempts.Handling(limits=attempts.Limits(requests=2, pending=9)),
        attempts.Handling(retries=attempts.Retries(number=5)),
    ],
    ids=["limits", "attempts"],
)
def test_no_cluster_ever_changes_its_meaning(handling: attempts.Handling) -> None:
    """A cluster that changes has to warm up, while routes lead to it already."""
    split = builders.a_split()
    before, after = (
        resources.build(builders.a_snapshot(builders.a_route(split=split, handling=each)))
        for each in (attempts.PLAIN, handling)
    )

    both = before.by_type[resources.CDS].keys() & after.by_type[resources.CDS].keys()
    assert both >= {"pool/default/grpc", "pool/default/http"}
    for name in both:
        assert before.by_type[resources.CDS][name] == after.by_type[resources.CDS][name]
    assert before.by_type[resources.CDS].keys() != after.by_type[resources.CDS].keys()


def test_a_kill_of_what_rules_name_changes_one_route_configuration() -> None:
    rules = {"ann": 2}
    before = resources.build(builders.a_snapshot(builders.a_route(overrides=rules)))
    after = resources.build(
        builders.a_snapshot(builders.a_route(overrides=rules, versions=(1,), killed=(2,)))
    )
    promoted = resources.build(builders.a_snapshot(builders.a_route(overrides=rules, champion=2)))

    assert changed(before, after) == changed(before, promoted) == {(resources.RDS, "digits")}
