from __future__ import annotations

import collections
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algolink import split
from algolink.errors import FailedPrecondition, InvalidArgument
from algolink.split import BUCKETS, Segment, Table
from tests.algolink.reference_xxh64 import xxh64

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "holdouts.json").read_text())
ARMS = ("champion", "b", "c", "d", "e")


def _weights(cuts: list[int]) -> dict[str, int]:
    edges = [0, *sorted(cuts), BUCKETS]
    sizes = [end - start for start, end in itertools.pairwise(edges)]
    return dict(zip(ARMS, sizes, strict=False))


cuts = st.one_of(st.integers(0, BUCKETS), st.sampled_from([0, 100, 500, 9_900, BUCKETS]))
weights = st.lists(cuts, min_size=1, max_size=len(ARMS) - 1).map(_weights)
ramps = st.lists(weights, min_size=2, max_size=12)
two_arm_ramps = st.lists(st.integers(1, BUCKETS - 1), min_size=1, max_size=12)
text = st.text(st.characters(codec="utf-8"), max_size=150)


def present(given_weights: dict[str, int]) -> dict[str, int]:
    return {arm: weight_bp for arm, weight_bp in given_weights.items() if weight_bp}


def every_arm(table: Table) -> list[str]:
    return [segment.arm for segment in table.segments for _ in range(segment.size)]


def tables_of(ramp: list[dict[str, int]]) -> list[Table]:
    tables = [split.allocate(ramp[0])]
    for step in ramp[1:]:
        tables.append(split.resize(tables[-1], step))
    return tables


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_the_reference_hash_gives_the_published_values(data: bytes, digest: int) -> None:
    assert xxh64(data) == digest


@given(text, text)
def test_the_bucket_is_the_hash_of_salt_and_unit(salt: str, unit: str) -> None:
    assert split.bucket(salt, unit) == xxh64(f"{salt}:{unit}".encode()) % 10_000


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{len(v['unit'])} characters")
def test_units_are_held_out_as_the_vectors_say(vector: dict[str, Any]) -> None:
    assert split.bucket(vector["layer"], vector["unit"]) == vector["bucket"]
    held_out = split.is_held_out(vector["layer"], vector["unit"], vector["share_bp"])
    assert held_out == vector["held_out"]


@given(text, st.integers(1, BUCKETS - 1))
def test_a_holdout_that_grows_keeps_its_units(unit: str, share_bp: int) -> None:
    if split.is_held_out("layer", unit, share_bp):
        assert split.is_held_out("layer", unit, share_bp + 1)
    assert split.is_held_out("layer", unit, BUCKETS)


def test_units_spread_evenly_over_the_buckets() -> None:
    tenths = collections.Counter(split.bucket("exp-1", f"user-{n}") // 1_000 for n in range(20_000))

    assert len(tenths) == 10
    assert all(1_800 < count < 2_200 for count in tenths.values())


def test_another_salt_assigns_units_anew() -> None:
    units = [f"user-{n}" for n in range(10_000)]

    both = sum(
        split.bucket("a", unit) < 5_000 and split.bucket("b", unit) < 5_000 for unit in units
    )

    assert 2_300 < both < 2_700


@given(weights)
def test_the_first_table_gives_each_arm_its_weight_in_one_segment(
    first: dict[str, int],
) -> None:
    table = split.allocate(first)

    assert table.weights() == present(first)
    assert [segment.arm for segment in table.segments] == list(present(first))


@given(ramps)
def test_every_step_of_a_ramp_reaches_its_weights_and_covers_every_bucket(
    ramp: list[dict[str, int]],
) -> None:
    for table, step in zip(tables_of(ramp), ramp, strict=True):
        assert collections.Counter(every_arm(table)) == collections.Counter(present(step))


@given(ramps)
def test_no_more_buckets_move_than_the_weights_make_move(ramp: list[dict[str, int]]) -> None:
    tables = tables_of(ramp)

    for before, after in itertools.pairwise(tables):
        had, has = before.weights(), after.weights()
        growth = sum(max(0, has[arm] - had.get(arm, 0)) for arm in has)
        changed = sum(a != b for a, b in zip(every_arm(before), every_arm(after), strict=True))
        assert changed == growth == split.moved(before, after)


@given(ramps)
def test_buckets_leave_only_arms_that_shrink_and_reach_only_arms_that_grow(
    ramp: list[dict[str, int]],
) -> None:
    tables = tables_of(ramp)

    for before, after in itertools.pairwise(tables):
        had, has = before.weights(), after.weights()
        for old, new in set(zip(every_arm(before), every_arm(after), strict=True)):
            if old != new:
                assert has.get(old, 0) < had[old]
                assert has[new] > had.get(new, 0)


@given(two_arm_ramps)
def test_two_arms_always_meet_in_one_place(shares: list[int]) -> None:
    ramp = [{"champion": BUCKETS - share, "b": share} for share in shares]

    for table, share in zip(tables_of(ramp), shares, strict=True):
        assert table.segments == (
            Segment(0, BUCKETS - share, "champion"),
            Segment(BUCKETS - share, BUCKETS, "b"),
        )


MANY_ARMS = tuple(f"arm-{number}" for number in range(64))


@st.composite
def many_arm_ramps(draw: st.DrawFn) -> list[dict[str, int]]:
    """Ramps of up to 64 arms, some of which may get nothing."""
    steps = []
    for _ in range(draw(st.integers(2, 5))):
        arms = draw(st.permutations(MANY_ARMS))[: draw(st.integers(1, 64))]
        cuts = sorted(draw(st.lists(st.integers(0, BUCKETS), min_size=63, max_size=63)))
        edges = [0, *cuts[: len(arms) - 1], BUCKETS]
        sizes = [end - start for start, end in itertools.pairwise(edges)]
        steps.append(dict(zip(arms, sizes, strict=True)))
    return steps


def fragments(assigned: list[str]) -> int:
    """Segments of a table, counted bucket by bucket."""
    return 1 + sum(left != right for left, right in itertools.pairwise(assigned))


@given(many_arm_ramps())
@settings(max_examples=40, deadline=None)
def test_sixty_four_arms_are_ramped_with_minimal_movement_or_refused_with_the_count(
    ramp: list[dict[str, int]],
) -> None:
    table = split.allocate(ramp[0])
    for step in ramp[1:]:
        try:
            after = split.resize(table, step)
        except FailedPrecondition as refused:
            count = int(refused.metadata["segments"])
            assert count > split.MAX_SEGMENTS
            return
        growth = sum(max(0, n - table.weights().get(arm, 0)) for arm, n in step.items())
        assert split.moved(table, after) == growth
        assert fragments(every_arm(after)) == len(after.segments) <= split.MAX_SEGMENTS
        table = after


@given(ramps)
def test_over_a_whole_sequence_a_unit_moves_only_when_its_arm_shrinks(
    ramp: list[dict[str, int]],
) -> None:
    """So however long a sequence, no unit moves more often than arms it was in shrank."""
    tables = tables_of(ramp)
    assigned = [every_arm(table) for table in tables]

    for bucket in range(0, BUCKETS, 97):
        for step, (before, after) in enumerate(itertools.pairwise(assigned)):
            arm = before[bucket]
            if after[bucket] != arm:
                assert tables[step + 1].weights().get(arm, 0) < tables[step].weights()[arm]


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_while_arms_only_grow_each_unit_moves_once_at_most(growth: list[int]) -> None:
    """Out of the champion, into an arm, and never again."""
    shares = dict.fromkeys("bcd", 0)
    assigned = [["champion"] * BUCKETS]
    table = split.allocate({"champion": BUCKETS})
    for step, more in enumerate(growth):
        arm = "bcd"[step % 3]
        shares[arm] += min(more, BUCKETS - sum(shares.values()))
        table = split.resize(table, {"champion": BUCKETS - sum(shares.values()), **shares})
        assigned.append(every_arm(table))

    for bucket in range(BUCKETS):
        arms = [arms[bucket] for arms in assigned]
        assert sum(a != b for a, b in itertools.pairwise(arms)) <= 1


def test_a_ramp_that_is_taken_back_gives_back_the_units_that_it_took() -> None:
    weights_before = {"champion": 8_000, "b": 1_000, "c": 1_000}
    before = split.allocate(weights_before)
    grown = split.resize(before, {"champion": 6_000, "b": 1_000, "c": 3_000})

    assert split.resize(grown, weights_before) == before


def test_an_arm_that_is_not_named_loses_everything() -> None:
    table = split.allocate({"champion": 5_000, "b": 5_000})

    assert split.resize(table, {"champion": 10_000}) == split.allocate({"champion": 10_000})


def test_a_new_arm_takes_from_those_that_shrink() -> None:
    table = split.allocate({"champion": 9_000, "b": 1_000})

    resized = split.resize(table, {"champion": 8_000, "b": 1_000, "c": 1_000})

    assert resized.segments == (
        Segment(0, 8_000, "champion"),
        Segment(8_000, 9_000, "c"),
        Segment(9_000, 10_000, "b"),
    )


@given(weights)
def test_asking_for_the_present_weights_moves_nothing(first: dict[str, int]) -> None:
    table = split.allocate(first)

    assert split.resize(table, first) == table


@given(ramps)
def test_equal_assignments_are_equal_tables(ramp: list[dict[str, int]]) -> None:
    table = tables_of(ramp)[-1]
    edges = [0, *(b for b in range(1, BUCKETS) if table.arm_of(b) != table.arm_of(b - 1)), BUCKETS]

    again = Table(
        tuple(Segment(start, end, table.arm_of(start)) for start, end in itertools.pairwise(edges))
    )

    assert again == table


@pytest.mark.parametrize(
    "refused",
    [
        {},
        {"a": 9_999},
        {"a": 5_000, "b": 4_999},
        {"a": 5_000, "b": 5_001},
        {"a": 10_001},
        {"a": 10_001, "b": -1},
        {"a": -10_000, "b": 20_000},
    ],
    ids=str,
)
def test_weights_that_are_no_shares_are_refused(refused: dict[str, int]) -> None:
    table = split.allocate({"a": BUCKETS})

    with pytest.raises(InvalidArgument) as caught_first:
        split.allocate(refused)
    with pytest.raises(InvalidArgument) as caught_later:
        split.resize(table, refused)

    assert caught_first.value.reason == caught_later.value.reason == "WEIGHTS_INVALID"


def test_the_refusal_of_a_sum_says_what_the_sum_was() -> None:
    with pytest.raises(InvalidArgument) as caught:
        split.check_weights({"a": 5_000, "b": 4_999})

    assert caught.value.metadata == {"total_bp": "9999"}
    assert "9999" in str(caught.value)


def test_a_table_of_too_many_pieces_is_refused() -> None:
    pieces = [Segment(at, at + 5, "ab"[at // 5 % 2]) for at in range(0, BUCKETS, 5)]

    with pytest.raises(FailedPrecondition) as caught:
        split.resize(Table(tuple(pieces)), {"a": 4_999, "b": 5_001})

    assert caught.value.reason == "TABLE_TOO_FRAGMENTED"
    # A bucket in the middle of nothing changes hands: none of the 2,000 pieces goes.
    assert caught.value.metadata == {"segments": "2000", "limit": "1000"}
    assert "2000 segments, at most 1000" in caught.value.message


@pytest.mark.parametrize(
    ("segments", "why"),
    [
        ([], "needs segments"),
        ([(0, 9_999, "a")], "must cover"),
        ([(1, 10_000, "a")], "must cover"),
        ([(0, 10_001, "a")], "must cover"),
        ([(0, 5_000, "a"), (5_001, 10_000, "b")], "gap or overlap"),
        ([(0, 5_001, "a"), (5_000, 10_000, "b")], "gap or overlap"),
        ([(0, 5_000, "a"), (5_000, 5_000, "b"), (5_000, 10_000, "c")], "must not be empty"),
        ([(0, 5_000, "a"), (5_000, 10_000, "a")], "must be one"),
    ],
)
def test_segments_that_are_no_table_are_refused(
    segments: list[tuple[int, int, str]], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Table(tuple(Segment(*segment) for segment in segments))


@pytest.mark.parametrize("bucket", [-1, 10_000])
def test_there_is_no_bucket_outside_the_table(bucket: int) -> None:
    table = split.allocate({"a": 9_000, "b": 1_000})

    with pytest.raises(ValueError, match="no bucket"):
        table.arm_of(bucket)
    with pytest.raises(ValueError, match="no bucket"):
        table.segment_of(bucket)


@pytest.mark.parametrize(("bucket", "arm"), [(0, "a"), (8_999, "a"), (9_000, "b"), (9_999, "b")])
def test_a_segment_begins_at_its_start_and_ends_before_its_end(bucket: int, arm: str) -> None:
    assert split.allocate({"a": 9_000, "b": 1_000}).arm_of(bucket) == arm
