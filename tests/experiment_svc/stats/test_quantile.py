from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiment_svc.stats import quantile, welch
from experiment_svc.stats.fixed import FixedTest
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.quantile import QuantileBounds, Ranks
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies

levels = st.floats(0.01, 0.99)


def bounds(count: int, *, bounds_count: int | None = None, width: float = 20.0) -> QuantileBounds:
    return QuantileBounds(
        count=count,
        bounds_count=bounds_count or count,
        level=0.99,
        estimate=400.0,
        lower=400.0 - width / 2.0,
        upper=400.0 + width / 2.0,
    )


@given(st.integers(0, 2_000), levels, strategies.alphas)
def test_the_chance_that_the_quantile_is_beyond_either_rank_is_at_most_half_of_alpha(
    count: int, level: float, alpha: float
) -> None:
    found = quantile.ranks(count, quantile=level, alpha=alpha)

    below = stats.binom(count, level)
    tail = alpha / 2.0 * (1.0 + 1e-9)
    if found.lower is not None:  # beyond: fewer values than the rank lie under the quantile
        assert below.cdf(found.lower - 1) <= tail
        assert below.cdf(found.lower) >= alpha / 2.0 * (1.0 - 1e-9)  # and no rank is better
    if found.upper is not None:
        assert below.sf(found.upper - 1) <= tail
    else:
        assert below.sf(count - 1) > alpha / 2.0 * (1.0 - 1e-9)


@pytest.mark.parametrize(("count", "lower", "upper"), [(10, 2, 9), (20, 6, 15), (50, 18, 33)])
def test_the_ranks_of_a_median_are_those_of_the_tables_of_the_sign_test(
    count: int, lower: int, upper: int
) -> None:
    assert quantile.ranks(count, quantile=0.5, alpha=0.05) == Ranks(lower, upper)


@given(st.integers(1, 300), levels)
def test_it_agrees_with_scipys_quantile_test(count: int, level: float) -> None:
    values = np.random.default_rng(count).normal(0.0, 1.0, count)
    expected: Any = stats.quantile_test(values, p=level).confidence_interval(0.95)

    found = quantile.interval(values, quantile=level, alpha=0.05)

    assert isinstance(found, Interval)
    assert found.lower == (-math.inf if math.isnan(expected.low) else expected.low)
    assert found.upper == (math.inf if math.isnan(expected.high) else expected.high)


def test_it_covers_at_least_as_often_as_it_says_for_any_distribution() -> None:
    generator = np.random.default_rng(8)
    runs, missed = 1_000, 0

    for _ in range(runs):
        found = quantile.interval(generator.pareto(1.1, 200), quantile=0.9, alpha=0.05)
        assert isinstance(found, Interval)
        missed += found.excludes(0.1 ** (-1.0 / 1.1) - 1.0)

    assert missed / runs < 0.06


def test_too_few_values_leave_an_end_open() -> None:
    assert quantile.ranks(100, quantile=0.99, alpha=0.05) == Ranks(lower=97, upper=None)
    assert quantile.interval([1.0], quantile=0.5, alpha=0.05) == Interval(-math.inf, math.inf)
    assert quantile.interval([], quantile=0.5, alpha=0.05) == Undefined("no units")


def test_ten_million_values_take_no_table() -> None:
    found = quantile.ranks(10_000_000, quantile=0.99, alpha=0.05)

    assert found == Ranks(lower=9_899_383, upper=9_900_617)


def test_the_error_of_a_difference_of_percentiles_is_honest() -> None:
    generator = np.random.default_rng(9)
    effects, errors = [], []

    for _ in range(300):
        arms = []
        for scale in (100.0, 110.0):
            summary = QuantileBounds.of(generator.exponential(scale, 2_000), level=0.9)
            assert isinstance(summary, QuantileBounds)
            arm = summary.moments
            assert isinstance(arm, Moments)
            arms.append(arm)
        found = welch.absolute(arms[0], arms[1], alpha=0.05)
        assert isinstance(found, FixedTest)
        effects.append(found.effect)
        errors.append(found.standard_error)

    assert np.mean(errors) == pytest.approx(np.std(effects), rel=0.12)
    assert np.mean(effects) == pytest.approx(10.0 * math.log(10.0), abs=float(np.std(effects) / 4))


def test_bounds_from_a_part_of_the_units_are_narrowed_to_all_of_them() -> None:
    whole, part = bounds(40_000).moments, bounds(40_000, bounds_count=10_000).moments

    assert isinstance(whole, Moments)
    assert isinstance(part, Moments)
    assert part.m2 == pytest.approx(whole.m2 / 4.0)


@pytest.mark.parametrize("count", [0, 1, 100, 380])
def test_too_few_units_for_a_normal_tail_give_no_decision(count: int) -> None:
    assert bounds(count, bounds_count=1).moments == quantile.TOO_FEW


def test_a_sample_without_an_upper_end_has_no_bounds() -> None:
    assert QuantileBounds.of(np.arange(50.0), level=0.99) == quantile.TOO_FEW
    assert isinstance(QuantileBounds.of([], level=0.5), Undefined)


@pytest.mark.parametrize(
    ("count", "level", "alpha"), [(-1, 0.5, 0.05), (9, 0.0, 0.05), (9, 1.0, 0.05), (9, 0.5, 0.0)]
)
def test_what_is_no_question_is_refused(count: int, level: float, alpha: float) -> None:
    with pytest.raises(ValueError, match=r"quantile|alpha"):
        quantile.ranks(count, quantile=level, alpha=alpha)


def test_bounds_that_no_sample_has_are_refused() -> None:
    with pytest.raises(ValueError, match="wrong way"):
        bounds(1_000, width=-1.0)
    with pytest.raises(ValueError, match="out of range"):
        bounds(-1)
    with pytest.raises(ValueError, match="finite"):
        quantile.interval([1.0, math.nan], quantile=0.5, alpha=0.05)
