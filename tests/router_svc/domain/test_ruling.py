"""What rules may be decided, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from algolink.errors import AlgoLinkError, FailedPrecondition, NotFound
from algolink.split import allocate
from mesh import attempts
from mesh.table import Fallback, Holdout, Shadow, Split
from router_svc import traffic_json
from router_svc.domain import ruling
from router_svc.domain import traffic as deciding
from router_svc.domain.rules import Rules
from router_svc.domain.traffic import Standing, Traffic
from tests.router_svc.builders import an_audience

NOTHING = Traffic(model="digits")
STANDING = Standing(versions={1, 2, 3, 4, 5}, served={1, 2, 3}, champion=1, archived={5})

EVERYTHING = Rules(
    overrides={"tester-1": 3, "ann": 2},
    audiences=(an_audience(version=2, name="french"), an_audience(country="DE", version=None)),
    holdout=Holdout(layer="holdout-digits", share_bp=500),
    shadow=Shadow(version=4, share_bp=1_000),
    falls_back=True,
    fallback=3,
    handling=attempts.Handling(
        timeout_ms=5_000,
        attempt_timeout_ms=1_000,
        retries=attempts.Retries(number=1),
        limits=attempts.Limits(requests=9, pending=10),
    ),
)


def test_rules_are_set_as_a_whole_and_ended_as_a_whole() -> None:
    first = ruling.set_rules(NOTHING, EVERYTHING, STANDING)
    second = ruling.set_rules(first, Rules(overrides={"ann": 2}), STANDING)
    cleared = ruling.clear_rules(second)

    assert first.rules is not None
    assert second.rules is not None
    assert (first.revision, first.rules.revision) == (1, 1)
    assert (second.revision, second.rules.revision) == (2, 2)
    assert second.rules.audiences == ()
    assert (cleared.revision, cleared.rules) == (3, None)


def test_setting_what_is_set_changes_nothing() -> None:
    once = ruling.set_rules(NOTHING, EVERYTHING, STANDING)

    assert ruling.set_rules(once, EVERYTHING, STANDING) is once
    assert ruling.clear_rules(NOTHING) is NOTHING


def test_a_shift_leaves_the_rules_and_rules_the_shift() -> None:
    ruled = ruling.set_rules(NOTHING, EVERYTHING, STANDING)
    shifted = deciding.shift(ruled, {1: 9_000, 2: 1_000}, STANDING)
    cleared = ruling.clear_rules(shifted)

    assert shifted.rules == ruled.rules
    assert cleared.shift == shifted.shift


@pytest.mark.parametrize(
    ("rules", "field", "version"),
    [
        (Rules(overrides={"ann": 1, "bob": 9}), "overrides[1].version", "9"),
        (
            Rules(audiences=(an_audience(version=1), an_audience(version=9))),
            "audiences[1].version",
            "9",
        ),
        (Rules(shadow=Shadow(version=9, share_bp=1)), "shadow.version", "9"),
        (Rules(fallback=9), "fallback.version", "9"),
        (Rules(overrides={"ann": -1}), "overrides[0].version", "-1"),
    ],
)
def test_a_version_that_is_not_there_is_refused_where_it_is_named(
    rules: Rules, field: str, version: str
) -> None:
    with pytest.raises(NotFound) as caught:
        ruling.set_rules(NOTHING, rules, STANDING)

    assert caught.value.reason == "VERSION_NOT_FOUND"
    assert caught.value.metadata["field"] == field
    assert caught.value.metadata["version"] == version
    assert caught.value.message.startswith(f"{field}: no version {version} of digits")


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (
            lambda: ruling.set_rules(NOTHING, Rules(overrides={"ann": 5}), STANDING),
            "VERSION_ARCHIVED",
        ),
        (
            lambda: ruling.set_rules(
                deciding.kill(NOTHING, 2, STANDING), Rules(overrides={"ann": 2}), STANDING
            ),
            "VERSION_KILLED",
        ),
        (
            lambda: ruling.set_rules(deciding.freeze(NOTHING, STANDING), EVERYTHING, STANDING),
            "TRAFFIC_FROZEN",
        ),
        (
            lambda: ruling.clear_rules(deciding.freeze(NOTHING, STANDING)),
            "TRAFFIC_FROZEN",
        ),
        (
            lambda: deciding.shift(NOTHING, {1: 9_000, 5: 1_000}, STANDING),
            "VERSION_ARCHIVED",
        ),
    ],
)
def test_what_cannot_be_ruled_is_refused(refused: Callable[[], AlgoLinkError], reason: str) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        refused()

    assert caught.value.reason == reason


def test_a_holdout_keeps_its_layer_unless_another_is_named() -> None:
    named = ruling.set_rules(
        NOTHING, Rules(holdout=Holdout(layer="spring", share_bp=100)), STANDING
    )

    assert ruling.layer_of(NOTHING) == "holdout-digits"
    assert ruling.layer_of(named) == "spring"


@pytest.mark.parametrize(
    ("rules", "fallback"),
    [
        (Rules(), Fallback(attempt_timeout_ms=10_000)),
        (Rules(fallback=3), Fallback(attempt_timeout_ms=10_000, version=3)),
        (Rules(falls_back=False), None),
        (EVERYTHING, Fallback(attempt_timeout_ms=1_000, version=3)),
        (Rules(handling=attempts.Handling(timeout_ms=700)), Fallback(attempt_timeout_ms=700)),
    ],
)
def test_a_fallback_fits_into_the_deadlines(rules: Rules, fallback: Fallback | None) -> None:
    plain = Split(
        experiment="digits-1",
        phase=1,
        salt="x",
        per_request=False,
        table=allocate({"control": 10_000}),
        versions={"control": 1},
        control="control",
        experiment_revision=1,
    )

    changed = rules.with_fallback(plain)

    assert changed == replace(plain, fallback=fallback)


@pytest.mark.parametrize("traffic", [NOTHING, ruling.set_rules(NOTHING, EVERYTHING, STANDING)])
def test_rules_come_back_from_the_database_as_they_were(traffic: Traffic) -> None:
    content = traffic_json.dump_traffic(traffic)

    read = traffic_json.load_traffic("digits", traffic.revision, content)

    assert read == traffic
    if traffic.rules and read.rules:
        assert list(read.rules.overrides) == list(traffic.rules.overrides)


def test_decisions_of_before_there_were_rules_have_none() -> None:
    old = '{"shift":null,"killed":[[2,1]],"frozen":true}'

    read = traffic_json.load_traffic("digits", 3, old)

    assert read == Traffic(model="digits", revision=3, killed={2: 1}, frozen=True)
