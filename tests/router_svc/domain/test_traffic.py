"""What may be decided about traffic, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink import split
from algolink.errors import Aborted, AlgoLinkError, FailedPrecondition, NotFound
from router_svc.domain import traffic as rules
from router_svc.domain.traffic import Standing, Traffic

NOTHING = Traffic(model="digits")
STANDING = Standing(versions={1, 2, 3, 4}, served={1, 2, 3}, champion=1)


def test_a_first_shift_takes_from_the_champion_alone() -> None:
    shifted = rules.shift(NOTHING, {2: 1_000, 1: 9_000}, STANDING)

    assert shifted.shift is not None
    assert [(s.start, s.end, s.arm) for s in shifted.shift.table.segments] == [
        (0, 9_000, "v1"),
        (9_000, 10_000, "v2"),
    ]
    assert (shifted.shift.per_request, shifted.revision) == (False, 1)


shares = st.integers(0, 10_000).flatmap(
    lambda one: st.integers(0, 10_000 - one).map(
        lambda two: {1: one, 2: two, 3: 10_000 - one - two}
    )
)


@given(st.lists(shares, min_size=1, max_size=8))
def test_successive_shifts_move_only_whom_they_must_under_one_salt(
    ramps: list[dict[int, int]],
) -> None:
    present = rules.shift(NOTHING, {1: 10_000}, STANDING)
    for weights in ramps:
        before, present = present, rules.shift(present, weights, STANDING)

        assert before.shift is not None
        assert present.shift is not None
        had, has = before.shift.table.weights(), present.shift.table.weights()
        grown = sum(max(0, n - had.get(arm, 0)) for arm, n in has.items())
        assert split.moved(before.shift.table, present.shift.table) == grown
        assert has == {f"v{version}": n for version, n in weights.items() if n}
        assert present.shift.salt == before.shift.salt


def test_a_shift_after_one_that_was_ended_has_a_salt_of_its_own() -> None:
    first = rules.shift(NOTHING, {1: 9_000, 2: 1_000}, STANDING)
    second = rules.shift(rules.clear(first), {1: 9_000, 2: 1_000}, STANDING)

    assert first.shift is not None
    assert second.shift is not None
    assert first.shift.salt != second.shift.salt


def test_the_unit_stays_unless_it_is_named() -> None:
    by_request = rules.shift(NOTHING, {1: 9_000, 2: 1_000}, STANDING, per_request=True)
    ramped = rules.shift(by_request, {1: 5_000, 2: 5_000}, STANDING)
    by_header = rules.shift(ramped, {1: 5_000, 2: 5_000}, STANDING, per_request=False)

    assert ramped.shift is not None
    assert by_header.shift is not None
    assert (ramped.shift.per_request, by_header.shift.per_request) == (True, False)


KILLED_2 = rules.kill(NOTHING, 2, STANDING)
FROZEN = rules.freeze(NOTHING, STANDING)
SHIFTED = rules.shift(NOTHING, {1: 9_000, 2: 1_000}, STANDING)


@pytest.mark.parametrize(
    "again",
    [
        lambda: (SHIFTED, rules.shift(SHIFTED, {1: 9_000, 2: 1_000}, STANDING)),
        lambda: (NOTHING, rules.clear(NOTHING)),
        lambda: (KILLED_2, rules.kill(KILLED_2, 2, STANDING)),
        lambda: (NOTHING, rules.revive(NOTHING, 2)),
        lambda: (FROZEN, rules.freeze(FROZEN, STANDING)),
        lambda: (NOTHING, rules.unfreeze(NOTHING)),
    ],
)
def test_deciding_what_already_holds_changes_nothing(
    again: Callable[[], tuple[Traffic, Traffic]],
) -> None:
    before, after = again()

    assert after is before


@pytest.mark.parametrize(
    ("decide", "reason"),
    [
        (lambda: rules.shift(NOTHING, {1: 9_999}, STANDING), "WEIGHTS_INVALID"),
        (lambda: rules.shift(NOTHING, {}, STANDING), "WEIGHTS_INVALID"),
        (lambda: rules.shift(NOTHING, {1: -1, 2: 10_001}, STANDING), "WEIGHTS_INVALID"),
        (lambda: rules.shift(NOTHING, {1: 9_000, 7: 1_000}, STANDING), "VERSION_NOT_FOUND"),
        (lambda: rules.shift(KILLED_2, {1: 9_000, 2: 1_000}, STANDING), "VERSION_KILLED"),
        (lambda: rules.shift(FROZEN, {1: 10_000}, STANDING), "TRAFFIC_FROZEN"),
        (lambda: rules.clear(rules.freeze(SHIFTED, STANDING)), "TRAFFIC_FROZEN"),
        (
            lambda: rules.shift(NOTHING, {1: 10_000}, replace(STANDING, experiment="digits-1")),
            "EXPERIMENT_RUNNING",
        ),
        (lambda: rules.kill(NOTHING, 7, STANDING), "VERSION_NOT_FOUND"),
        (lambda: rules.kill(NOTHING, 1, STANDING), "REPLACEMENT_NEEDED"),
        (lambda: rules.kill(NOTHING, 1, STANDING, to=1), "REPLACEMENT_INVALID"),
        (lambda: rules.kill(NOTHING, 1, STANDING, to=7), "VERSION_NOT_FOUND"),
        (lambda: rules.kill(NOTHING, 1, STANDING, to=4), "REPLACEMENT_NOT_SERVED"),
        (lambda: rules.kill(KILLED_2, 1, STANDING, to=2), "VERSION_KILLED"),
        (lambda: rules.kill(NOTHING, 2, replace(STANDING, champion=None)), "ROUTE_NOT_FOUND"),
        (lambda: rules.freeze(NOTHING, replace(STANDING, champion=None)), "ROUTE_NOT_FOUND"),
    ],
)
def test_what_cannot_be_is_refused(decide: Callable[[], Traffic], reason: str) -> None:
    with pytest.raises(AlgoLinkError) as caught:
        decide()

    assert caught.value.reason == reason
    expected = NotFound if reason.endswith("NOT_FOUND") else AlgoLinkError
    assert isinstance(caught.value, expected)


def test_what_took_over_needs_a_replacement_even_before_the_table_follows() -> None:
    first = rules.kill(NOTHING, 1, STANDING, to=2)

    with pytest.raises(FailedPrecondition) as caught:
        rules.kill(first, 2, STANDING)

    assert caught.value.reason == "REPLACEMENT_NEEDED"
    assert rules.kill(first, 2, STANDING, to=3).stand_in(1) == 3


kills = st.lists(
    st.tuples(st.booleans(), st.integers(1, 5), st.integers(0, 5), st.integers(1, 5)), max_size=30
)


@given(kills)
def test_what_stands_in_for_a_killed_version_is_alive(
    steps: list[tuple[bool, int, int, int]],
) -> None:
    traffic = NOTHING
    everything = {1, 2, 3, 4, 5}
    for is_kill, version, to, alias in steps:
        champion = traffic.stand_in(alias)
        standing = Standing(versions=everything, served=everything, champion=champion)
        try:
            traffic = (
                rules.kill(traffic, version, standing, to=to)
                if is_kill
                else rules.revive(traffic, version)
            )
        except AlgoLinkError:
            continue

        for each in everything:
            assert traffic.stand_in(each) not in traffic.killed


def test_a_stale_etag_is_refused_and_an_empty_one_passes() -> None:
    rules.check_etag(SHIFTED, SHIFTED.etag)
    rules.check_etag(SHIFTED, "")

    with pytest.raises(Aborted):
        rules.check_etag(SHIFTED, NOTHING.etag)
