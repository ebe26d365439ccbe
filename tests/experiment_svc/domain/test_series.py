"""Thinning: bounded, with the ends and the changes, fine where it is new."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.domain import series
from experiment_svc.domain.series import SPACING
from tests.experiment_svc.builders import NOON


@dataclass(frozen=True)
class Stamp:
    number: int
    time: datetime
    changed: bool = False


def grown(gaps: list[timedelta], changed: set[int], *, limit: int) -> list[Stamp]:
    """What stays when points come one by one."""
    kept: list[Stamp] = []
    time = NOON
    for number, gap in enumerate(gaps, start=1):
        time += gap
        kept.append(Stamp(number, time, number in changed))
        gone = set(series.superfluous(kept, limit=limit))
        kept = [stamp for stamp in kept if stamp.number not in gone]
    return kept


@given(
    gaps=st.lists(st.integers(0, 100_000).map(lambda s: timedelta(seconds=s)), min_size=1),
    changed=st.sets(st.integers(1, 100), max_size=20),
    limit=st.integers(2, 25),
)
def test_it_is_bounded_and_keeps_the_ends_and_the_changes(
    gaps: list[timedelta], changed: set[int], limit: int
) -> None:
    kept = [stamp.number for stamp in grown(gaps, changed, limit=limit)]

    assert kept == sorted(kept)
    assert len(kept) == min(limit, len(gaps))
    assert kept[0] == 1
    assert kept[-1] == len(gaps)
    wanted = {number for number in changed if number <= len(gaps)} | {1, len(gaps)}
    if len(wanted | {1}) < limit:
        assert wanted <= set(kept)


def test_gaps_grow_with_age() -> None:
    kept = grown([SPACING] * 3_000, set(), limit=60)

    newest = kept[-1].time
    relative = [
        (later.time - earlier.time) / (newest - earlier.time + SPACING)
        for earlier, later in itertools.pairwise(kept)
    ]
    assert max(relative) < 0.6
    assert newest - kept[-4].time <= 6 * SPACING
