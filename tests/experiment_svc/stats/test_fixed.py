from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiment_svc.stats import fixed
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import Alternative, FixedTest
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies

measured = st.builds(
    Difference, effect=st.floats(-10.0, 10.0), standard_error=st.floats(0.1, 10.0), count=st.just(9)
)
degrees = st.one_of(st.floats(1.0, 1e6), st.just(math.inf))
sides = st.sampled_from(Alternative)


def judged(
    difference: Difference, alpha: float, side: Alternative, df: float, null: float = 0.0
) -> FixedTest:
    found = fixed.judge(difference, alpha=alpha, alternative=side, degrees=df, null=null)
    assert isinstance(found, FixedTest)
    return found


@given(measured, strategies.alphas, sides, degrees, st.floats(-5.0, 5.0))
def test_the_interval_excludes_the_null_exactly_where_the_p_value_is_under_alpha(
    difference: Difference, alpha: float, side: Alternative, df: float, null: float
) -> None:
    found = judged(difference, alpha, side, df, null)

    if not math.isclose(found.p_value, alpha, rel_tol=1e-6):
        assert (not found.lower <= null <= found.upper) == (found.p_value < alpha)


@given(measured, degrees)
def test_the_p_values_of_the_two_sides_sum_to_one_and_the_lesser_is_half_of_both(
    difference: Difference, df: float
) -> None:
    up, down, both = (
        judged(difference, 0.05, side, df).p_value
        for side in (Alternative.GREATER, Alternative.LESS, Alternative.TWO_SIDED)
    )

    assert up + down == pytest.approx(1.0)
    assert both == pytest.approx(2.0 * min(up, down))


@given(measured, strategies.alphas, st.floats(1.0, 1e6))
def test_it_agrees_with_scipys_t(difference: Difference, alpha: float, df: float) -> None:
    found = judged(difference, alpha, Alternative.TWO_SIDED, df)

    t = stats.t(df, loc=difference.effect, scale=difference.standard_error)
    assert found.lower == pytest.approx(t.ppf(alpha / 2.0), rel=1e-7, abs=1e-7)
    assert found.upper == pytest.approx(t.isf(alpha / 2.0), rel=1e-7, abs=1e-7)


def test_a_far_tail_keeps_its_digits() -> None:
    found = judged(Difference(30.0, 1.0, 9), 0.05, Alternative.GREATER, math.inf)

    assert found.p_value == pytest.approx(4.906713927148187e-198)
    assert found.chi_square == 900.0


def test_values_that_do_not_vary_give_no_decision() -> None:
    assert fixed.judge(Difference(1.0, 0.0, 9), alpha=0.05) == Undefined(
        "the values of the units do not vary"
    )


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_an_error_rate_out_of_range_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        fixed.judge(Difference(1.0, 1.0, 9), alpha=alpha)


def test_degrees_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="degrees"):
        fixed.judge(Difference(1.0, 1.0, 9), alpha=0.05, degrees=0.0)
