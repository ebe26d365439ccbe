from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xxhash

from algolink import split
from mesh import table
from mesh.table import ModelRoute, Split
from router_svc.domain.explain import Explanation, explain
from tests.router_svc.builders import an_audience

ROUTES = json.loads((Path(__file__).parents[2] / "vectors" / "routes.json").read_text())


def a_route(*, splits: bool = True, per_request: bool = False) -> ModelRoute:
    return ModelRoute(
        model="digits",
        pool="default",
        champion=1,
        versions=(1, 2),
        split=Split(
            experiment="digits-1",
            phase=1,
            salt="digits-1-x",
            per_request=per_request,
            table=split.allocate({"control": 5_000, "challenger": 5_000}),
            versions={"control": 1, "challenger": 2},
            control="control",
            experiment_revision=2,
        )
        if splits
        else None,
    )


def decided(explanation: Explanation) -> list[str]:
    return [rule.name for rule in explanation.rules if rule.decided]


@pytest.mark.parametrize(("version", "answers"), [(2, 2), (7, 0)])
def test_a_version_that_is_named_decides_alone(version: int, answers: int) -> None:
    explanation = explain(a_route(), unit="user-1", version=version)

    assert explanation.version == answers
    assert decided(explanation) == ["explicit-version"]
    assert explanation.bucket is None


@pytest.mark.parametrize("unit", [f"user-{number}" for number in range(20)])
def test_a_unit_is_in_the_arm_of_its_bucket(unit: str) -> None:
    bucket = xxhash.xxh64_intdigest(f"digits-1-x:{unit}".encode()) % 10_000

    explanation = explain(a_route(), unit=unit, version=0)

    assert explanation.bucket == bucket
    assert explanation.version == (1 if bucket < 5_000 else 2)
    assert decided(explanation) == ["experiment"]


@pytest.mark.parametrize("unit", ["", "two words", "é", "x" * 129])
def test_a_request_without_a_valid_unit_goes_to_the_champion(unit: str) -> None:
    explanation = explain(a_route(), unit=unit, version=0)

    assert (explanation.version, explanation.arm, explanation.bucket) == (1, "", None)
    assert decided(explanation) == ["champion"]


def test_without_an_experiment_the_champion_answers() -> None:
    explanation = explain(a_route(splits=False), unit="user-1", version=0)

    assert explanation.version == 1
    assert [rule.name for rule in explanation.rules] == [
        "kill",
        "freeze",
        "explicit-version",
        "override",
        "audience",
        "holdout",
        "experiment",
        "shift",
        "champion",
    ]


def test_where_each_request_is_its_own_unit_only_a_request_id_decides() -> None:
    route = a_route(per_request=True)

    assert explain(route, unit="", version=0).version == 0
    assert explain(route, unit="5f0c7f5e-0000-4000-8000-000000000000", version=0).version in (1, 2)


def test_a_unit_of_a_shift_is_in_no_experiment() -> None:
    route = a_route()
    assert route.split is not None
    route = replace(route, split=replace(route.split, experiment="", phase=0))

    explanation = explain(route, unit="user-1", version=0)

    assert explanation.version == (1 if explanation.bucket in range(5_000) else 2)
    assert decided(explanation) == ["shift"]
    assert [rule.why for rule in explanation.rules if rule.name == "experiment"] == [
        "no experiment splits digits"
    ]


def killed(route: ModelRoute) -> ModelRoute:
    return replace(route, versions=(1,), killed=(2,))


def test_units_of_a_killed_arm_keep_their_arm_and_get_the_champion() -> None:
    for number in range(20):
        before = explain(a_route(), unit=f"user-{number}", version=0)
        after = explain(killed(a_route()), unit=f"user-{number}", version=0)

        assert (after.arm, after.bucket) == (before.arm, before.bucket)
        assert after.version == 1
        assert decided(after) == (["kill"] if before.version == 2 else ["experiment"])


def test_a_killed_version_that_is_named_is_refused() -> None:
    explanation = explain(killed(a_route()), unit="user-1", version=2)

    assert explanation.version == 0
    assert decided(explanation) == ["kill"]
    assert "FAILED_PRECONDITION" in explanation.rules[0].why


def test_a_freeze_is_told_and_decides_nothing() -> None:
    explanation = explain(a_route(), unit="user-1", version=0, frozen=True)

    assert explanation.rules[1].why.startswith("the traffic is frozen")
    assert decided(explanation) == ["experiment"]


@pytest.mark.parametrize(
    ("route", "request_"),
    [
        pytest.param(vector["route"], request, id=f"{vector['name']} {number}")
        for vector in ROUTES
        for number, request in enumerate(vector["requests"])
    ],
)
def test_requests_are_explained_as_the_vectors_say(
    route: dict[str, Any], request_: dict[str, Any]
) -> None:
    explanation = explain(
        table.route_from_json(route),
        unit=request_["unit"],
        version=request_["named"],
        attributes=request_["attributes"],
    )

    assert decided(explanation) == [request_["rule"]]
    assert (explanation.version, explanation.arm) == (request_["version"], request_["arm"])


RULED = replace(
    a_route(),
    versions=(1, 2, 3),
    audiences=(
        an_audience(country="DE", version=3, name="germans"),
        an_audience(country="FR", version=None),
        an_audience(country="FR", version=3),
    ),
    holdout=table.Holdout(layer="layer", share_bp=10_000),
    shadow=table.Shadow(version=3, share_bp=1_250),
    rules_revision=4,
)


def test_an_audience_is_explained_condition_by_condition() -> None:
    explanation = explain(RULED, unit="user-1", version=0, attributes={"country": ["FR"]})

    asked = [rule for rule in explanation.rules if rule.name == "audience"]
    assert [rule.why for rule in asked] == [
        "audience 1 (germans): country = DE does not hold, for country is 'FR'",
        "audience 2: all its conditions hold: no further audience is asked",
    ]
    [condition] = asked[0].conditions
    assert (condition.condition, condition.holds, condition.found) == (
        "country = DE",
        False,
        "country is 'FR'",
    )


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], "country is not sent"),
        (["DE", "DE"], "country is sent 2 times"),
        (["\xfc"], "country is not 1 to 256 printable ASCII characters"),
        (["D" * 257], "country is not 1 to 256 printable ASCII characters"),
    ],
)
def test_an_attribute_that_is_not_usable_is_explained(values: list[str], found: str) -> None:
    explanation = explain(RULED, unit="user-1", version=0, attributes={"country": values})

    assert {c.found for rule in explanation.rules for c in rule.conditions} == {found}


def test_a_held_out_unit_is_explained_by_its_bucket_in_the_layer() -> None:
    explanation = explain(RULED, unit="user-1", version=0)

    assert explanation.holdout_bucket == split.bucket("layer", "user-1")
    assert (explanation.version, explanation.arm, explanation.bucket) == (1, "", None)
    assert decided(explanation) == ["holdout"]


def test_what_is_copied_is_told_whatever_was_decided() -> None:
    copied = explain(RULED, unit="user-1", version=0)
    named = explain(RULED, unit="user-1", version=2)
    killed_shadow = explain(replace(RULED, versions=(1, 2), killed=(3,)), unit="user-1", version=0)

    assert (copied.shadow, copied.rules[-1].name) == (RULED.shadow, "shadow")
    assert "version 3 gets copies of 12.5% of such predictions" in copied.rules[-1].why
    assert named.shadow is None
    assert killed_shadow.shadow is None
    assert killed_shadow.rules[-1].why == "version 3 is killed: nothing is copied"


def test_who_answers_for_a_failed_candidate_is_told() -> None:
    route = replace(a_route(), versions=(1, 2, 3))
    assert route.split is not None
    other = replace(route, split=replace(route.split, fallback=table.Fallback(version=3)))
    nobody = replace(route, split=replace(route.split, fallback=None))
    in_arm_2 = next(
        unit
        for unit in map("user-{}".format, range(100))
        if explain(route, unit=unit, version=0).version == 2
    )

    answers = [explain(each, unit=in_arm_2, version=0).fallback for each in (route, other, nobody)]

    assert answers == [1, 3, 0]


def test_a_killed_version_of_a_rule_is_named_with_the_rule() -> None:
    route = replace(RULED, versions=(1, 2), killed=(3,), overrides={"ann": 3}, holdout=None)

    overridden = explain(route, unit="ann", version=0)
    meant = explain(route, unit="bob", version=0, attributes={"country": ["DE"]})

    assert overridden.rules[0].why.startswith("version 3 of the override is killed")
    assert meant.rules[0].why.startswith("version 3 of the audience is killed")
    assert (overridden.version, meant.version) == (1, 1)
