"""The one bucket function, and the tables that map buckets to arms.

Envoy, the experiment service, the SDK and the analysis assign a unit alike, bit
for bit: `bucket = xxh64(salt + ":" + unit) mod 10000`, then the segment that
the bucket is in. Only this module computes tables.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import xxhash

from algolink.errors import FailedPrecondition, InvalidArgument

BUCKETS = 10_000
"""Number of buckets; a bucket is one basis point of the units."""

MAX_SEGMENTS = 1_000
"""A table with more segments than this is refused."""


def bucket(salt: str, unit: str) -> int:
    """Bucket of `unit` under `salt`, 0 to 9,999.

    >>> bucket("exp-42", "user-1")
    7903
    """
    return xxhash.xxh64_intdigest(f"{salt}:{unit}".encode(), seed=0) % BUCKETS


def is_held_out(layer: str, unit: str, share_bp: int) -> bool:
    """Whether `unit` is among the buckets of `layer` that a holdout of `share_bp` takes.

    Those are the lowest, so a holdout that grows keeps the units that it has.

    >>> bucket("digits-holdout", "user-7"), is_held_out("digits-holdout", "user-7", 2_000)
    (9614, False)
    """
    return bucket(layer, unit) < share_bp


@dataclass(frozen=True, slots=True)
class Segment:
    """Half-open range `[start, end)` of buckets of one arm."""

    start: int
    end: int
    arm: str

    @property
    def size(self) -> int:
        """Number of buckets."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Table:
    """Every bucket's arm: contiguous segments that cover `[0, 10000)`.

    Neighbours of the same arm are one segment, so equal assignments are equal
    tables.
    """

    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        if not self.segments:
            raise ValueError("a table needs segments")
        if self.segments[0].start != 0 or self.segments[-1].end != BUCKETS:
            raise ValueError(f"segments must cover [0, {BUCKETS})")
        if any(segment.size <= 0 for segment in self.segments):
            raise ValueError("a segment must not be empty")
        for left, right in pairwise(self.segments):
            if left.end != right.start:
                raise ValueError(f"gap or overlap at bucket {left.end}")
            if left.arm == right.arm:
                raise ValueError(f"segments of {left.arm} at bucket {left.end} must be one")

    def arm_of(self, bucket: int) -> str:
        """Arm of `bucket`, which is 0 to 9,999."""
        return self.segment_of(bucket).arm

    def segment_of(self, bucket: int) -> Segment:
        """Segment that `bucket` is in, which is 0 to 9,999."""
        if not 0 <= bucket < BUCKETS:
            raise ValueError(f"no bucket {bucket}")
        return self.segments[bisect_right(self.segments, bucket, key=lambda s: s.start) - 1]

    def weights(self) -> dict[str, int]:
        """Buckets of each arm that has any, in basis points."""
        totals: dict[str, int] = {}
        for segment in self.segments:
            totals[segment.arm] = totals.get(segment.arm, 0) + segment.size
        return totals


def check_weights(weights: Mapping[str, int]) -> None:
    """Checks that weights are in range and sum to 10,000 basis points.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.
    """
    for arm, weight_bp in weights.items():
        if not 0 <= weight_bp <= BUCKETS:
            raise InvalidArgument(
                "WEIGHTS_INVALID",
                f"weight of arm {arm} is {weight_bp}: it must be 0 to {BUCKETS} basis points",
                arm=arm,
                weight_bp=weight_bp,
            )
    total = sum(weights.values())
    if total != BUCKETS:
        raise InvalidArgument(
            "WEIGHTS_INVALID",
            f"weights sum to {total}: they must sum to {BUCKETS} basis points",
            total_bp=total,
        )


def allocate(weights: Mapping[str, int]) -> Table:
    """First table of an experiment: one segment per arm, in the order given.

    Args:
        weights: basis points by arm id, summing to 10,000.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.

    >>> allocate({"a": 9_000, "b": 1_000}).segments
    (Segment(start=0, end=9000, arm='a'), Segment(start=9000, end=10000, arm='b'))
    """
    check_weights(weights)
    segments, start = [], 0
    for arm, weight_bp in weights.items():
        if weight_bp:
            segments.append(Segment(start, start + weight_bp, arm))
            start += weight_bp
    return Table(tuple(segments))


def resize(table: Table, weights: Mapping[str, int]) -> Table:
    """Moves exactly the buckets that must move to reach `weights`.

    Every arm that shrinks gives up buckets; every arm that grows takes freed
    ones, in the order of `weights`. No bucket moves between two arms whose
    weights did not change, and none leaves an arm that grows. An arm that
    `weights` does not name gets nothing.

    The arm that has bucket 0 gives up its last buckets and every other arm its
    first. So two arms always meet in one place, and a ramp that is taken back
    gives back the units that it took.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.
        FailedPrecondition: TABLE_TOO_FRAGMENTED, past 1,000 segments.

    >>> resize(allocate({"a": 9_000, "b": 1_000}), {"a": 5_000, "b": 5_000}).segments
    (Segment(start=0, end=5000, arm='a'), Segment(start=5000, end=10000, arm='b'))
    """
    check_weights(weights)
    present = table.weights()
    surplus = {arm: have - weights.get(arm, 0) for arm, have in present.items()}
    kept, freed = _give_up(table, {arm: n for arm, n in surplus.items() if n > 0})
    wanted = {arm: weight_bp - present.get(arm, 0) for arm, weight_bp in weights.items()}
    taken = _take(freed, {arm: n for arm, n in wanted.items() if n > 0})
    resized = _merged(sorted(kept + taken, key=lambda segment: segment.start))
    if len(resized) > MAX_SEGMENTS:
        raise FailedPrecondition(
            "TABLE_TOO_FRAGMENTED",
            f"the table would have {len(resized)} segments, at most {MAX_SEGMENTS} are allowed",
            segments=len(resized),
            limit=MAX_SEGMENTS,
        )
    return Table(resized)


def moved(before: Table, after: Table) -> int:
    """Number of buckets whose arm differs between two tables.

    >>> moved(allocate({"a": 9_000, "b": 1_000}), allocate({"a": 5_000, "b": 5_000}))
    4000
    """
    edges = sorted({s.start for t in (before, after) for s in t.segments} | {BUCKETS})
    return sum(
        end - start for start, end in pairwise(edges) if before.arm_of(start) != after.arm_of(start)
    )


def _give_up(
    table: Table, surplus: Mapping[str, int]
) -> tuple[list[Segment], list[tuple[int, int]]]:
    """Splits a table into what is kept and the ranges that are freed, in order.

    Whole segments go first, so fragments disappear again when an arm shrinks.
    """
    lowest = table.segments[0].arm
    left = dict(surplus)
    kept: list[Segment] = []
    freed: list[tuple[int, int]] = []
    from_the_end = [segment for segment in reversed(table.segments) if segment.arm == lowest]
    from_the_start = [segment for segment in table.segments if segment.arm != lowest]
    for segment in from_the_end + from_the_start:
        give = min(left.get(segment.arm, 0), segment.size)
        if give:
            left[segment.arm] -= give
        start, end = segment.start, segment.end
        if segment.arm == lowest:
            end -= give
            freed.append((end, segment.end))
        else:
            start += give
            freed.append((segment.start, start))
        if start < end:
            kept.append(Segment(start, end, segment.arm))
    return kept, sorted(span for span in freed if span[0] < span[1])


def _take(freed: Iterable[tuple[int, int]], wanted: Mapping[str, int]) -> list[Segment]:
    """Hands freed ranges to the arms that want them, in order."""
    taken: list[Segment] = []
    queue = [(arm, n) for arm, n in wanted.items()]
    for start, end in freed:
        while start < end:
            arm, need = queue[0]
            got = min(need, end - start)
            taken.append(Segment(start, start + got, arm))
            start += got
            if got == need:
                queue.pop(0)
            else:
                queue[0] = (arm, need - got)
    return taken


def _merged(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Joins neighbours of the same arm."""
    joined: list[Segment] = []
    for segment in segments:
        if joined and joined[-1].arm == segment.arm:
            joined[-1] = Segment(joined[-1].start, segment.end, segment.arm)
        else:
            joined.append(segment)
    return tuple(joined)
