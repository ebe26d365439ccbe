"""Who is in which arm: one unit, many, and the words of refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink import names, split
from algolink.assignment import NOWHERE, Plan, Standing, assign, assign_many
from algolink.errors import AlgoLinkError

SPLIT = Plan(
    experiment="iris-2",
    standing=Standing.SPLIT,
    salt="iris-2-0a1b2c3d",
    table=split.resize(
        split.allocate({"champion": 9_000, "challenger": 1_000, "rival": 0}),
        {"champion": 6_000, "challenger": 1_500, "rival": 2_500},
    ),
    versions={"champion": 1, "challenger": 2, "rival": 3},
    phase=2,
    revision=4,
)
SETTLED = replace(SPLIT, standing=Standing.SETTLED, winner="rival")


@given(st.from_regex(names.UNIT_PATTERN, fullmatch=True))
def test_a_unit_is_where_the_table_has_its_bucket(unit: str) -> None:
    found = assign(SPLIT, unit)

    assert SPLIT.table is not None
    assert found.bucket == split.bucket(SPLIT.salt, unit)
    assert found.arm == SPLIT.table.arm_of(found.bucket)
    assert found.version == SPLIT.versions[found.arm]
    assert found.segment is not None
    assert found.segment.start <= found.bucket < found.segment.end


@given(st.lists(st.one_of(st.from_regex(names.UNIT_PATTERN, fullmatch=True), st.text())))
def test_many_units_are_where_each_is_by_itself(units: list[str]) -> None:
    arms = list(SPLIT.versions)

    found = assign_many(SPLIT, units)

    assert [index if index == NOWHERE else arms[index] for index in found] == [
        assign(SPLIT, unit).arm if names.is_unit(unit) else NOWHERE for unit in units
    ]


def test_a_text_that_utf_8_cannot_hold_is_no_unit() -> None:
    assert assign_many(SPLIT, ["\ud800", "user-1"])[0] == NOWHERE


def test_after_the_conclusion_everybody_has_the_winner() -> None:
    found = assign(SETTLED, "user-1")

    assert (found.arm, found.version, found.segment) == ("rival", 3, None)
    assert assign_many(SETTLED, ["user-1", "user-2", ""]).tolist() == [2, 2, NOWHERE]


@pytest.mark.parametrize(
    ("plan", "unit", "reason"),
    [
        (replace(SPLIT, standing=Standing.OFF), "user-1", "EXPERIMENT_NOT_ROUTED"),
        (replace(SPLIT, by_request=True), "user-1", "UNIT_IS_REQUEST"),
        (SPLIT, "two words", "UNIT_INVALID"),
        (SPLIT, "", "UNIT_INVALID"),
        (SPLIT, "u" * 129, "UNIT_INVALID"),
    ],
)
def test_what_has_no_arm_is_refused(plan: Plan, unit: str, reason: str) -> None:
    with pytest.raises(AlgoLinkError) as caught:
        assign(plan, unit)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "plan", [replace(SPLIT, standing=Standing.OFF), replace(SPLIT, by_request=True)]
)
def test_many_are_refused_where_one_would_be(plan: Plan) -> None:
    with pytest.raises(AlgoLinkError):
        assign_many(plan, ["user-1"])
