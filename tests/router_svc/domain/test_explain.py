from __future__ import annotations

from dataclasses import replace

import pytest
import xxhash

from algolink import split
from mesh.table import ModelRoute, Split
from router_svc.domain.explain import Explanation, explain


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
