from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.domain import latency

durations = st.lists(st.integers(1, 10**10), min_size=1, max_size=200)


@given(durations, st.floats(0.01, 1.0))
def test_a_quantile_is_within_one_percent(durations_us: list[int], share: float) -> None:
    counts = Counter(latency.bucket(duration_us) for duration_us in durations_us)
    exact_ms = sorted(durations_us)[math.ceil(share * len(durations_us)) - 1] / 1_000

    found_ms = latency.quantile_ms(counts, share)

    assert found_ms == pytest.approx(exact_ms, rel=latency.RELATIVE_ERROR * 1.0001)


@given(durations, durations)
def test_histograms_add_up(left: list[int], right: list[int]) -> None:
    apart = Counter(map(latency.bucket, left)) + Counter(map(latency.bucket, right))

    assert apart == Counter(map(latency.bucket, left + right))


def test_without_requests_there_is_no_quantile() -> None:
    assert latency.quantile_ms({}, 0.5) is None


def test_zero_microseconds_has_a_bucket() -> None:
    assert latency.bucket(0) == latency.bucket(1) == 0
