from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats.moments import Moments
from tests.experiment_svc.stats import strategies


def close(moments: Moments, other: Moments) -> bool:
    scale = max(abs(moments.mean), moments.m2, 1.0)
    return (
        moments.count == other.count
        and abs(moments.mean - other.mean) <= 1e-9 * scale
        and abs(moments.m2 - other.m2) <= 1e-6 * scale
    )


@given(strategies.values, strategies.values)
def test_merging_two_samples_equals_summarising_both_at_once(
    left: list[float], right: list[float]
) -> None:
    assert close(Moments.of(left) + Moments.of(right), Moments.of(left + right))


@given(strategies.values, strategies.values, strategies.values)
def test_the_order_of_merging_does_not_matter(
    first: list[float], second: list[float], third: list[float]
) -> None:
    a, b, c = Moments.of(first), Moments.of(second), Moments.of(third)

    assert close((a + b) + c, c + (b + a))


@given(strategies.values)
def test_nothing_added_changes_nothing(values: list[float]) -> None:
    moments = Moments.of(values)

    assert moments + Moments() == moments == Moments() + moments


@given(strategies.several_values)
def test_mean_and_variance_agree_with_the_standard_library(values: list[float]) -> None:
    moments = Moments.of(values)

    assert moments.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert moments.variance == pytest.approx(statistics.variance(values), rel=1e-9, abs=1e-9)


def test_a_small_spread_on_a_large_mean_keeps_its_digits() -> None:
    epoch_ms = 1_800_000_000_000.0

    merged = Moments.of([epoch_ms, epoch_ms + 1.0]) + Moments.of([epoch_ms + 2.0])

    assert merged.variance == pytest.approx(1.0)


def test_stored_numbers_make_the_same_moments() -> None:
    moments = Moments.of([0.1, 0.2, 0.7])

    assert Moments(moments.count, moments.mean, moments.m2) == moments


@pytest.mark.parametrize("values", [[], [3.0]])
def test_fewer_than_two_values_have_no_variance(values: list[float]) -> None:
    assert Moments.of(values).variance is None


@pytest.mark.parametrize(
    "values", [[np.nan], [1.0, np.inf], [[1.0, 2.0]], 1.0], ids=["nan", "inf", "2-d", "0-d"]
)
def test_what_is_no_list_of_finite_numbers_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values must"):
        Moments.of(values)


@pytest.mark.parametrize("stored", [(-1, 0.0, 0.0), (2, 0.0, -1.0), (0, 1.0, 0.0), (0, 0.0, 1.0)])
def test_numbers_that_no_sample_has_are_refused(stored: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match=r"must not be negative|neither mean nor spread"):
        Moments(*stored)


@pytest.mark.filterwarnings("error")
@given(st.sampled_from([1e300, -1e300, 1.7e308]), strategies.values)
def test_a_spread_past_the_floats_is_infinite_and_no_crash(
    huge: float, values: list[float]
) -> None:
    merged = Moments.of([huge, 0.0]) + Moments.of(values)

    assert not np.isfinite(merged.m2)
