from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import difference, one_sided, sequence
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import Alternative
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined

measured = st.builds(
    Difference,
    effect=st.floats(-10.0, 10.0),
    standard_error=st.floats(1e-3, 10.0),
    count=st.integers(4, 10**7),
)
alphas = st.floats(1e-6, 0.25)
optima = st.integers(10, 10**9)
sides = st.sampled_from([Alternative.GREATER, Alternative.LESS])


@given(measured, alphas, optima, sides)
def test_the_interval_excludes_zero_exactly_where_the_p_value_is_under_alpha(
    found: Difference, alpha: float, optimal_units: int, side: Alternative
) -> None:
    rho2 = one_sided.rho_squared(alpha=alpha, optimal_units=optimal_units)

    interval = one_sided.interval(found, alpha=alpha, rho_squared=rho2, alternative=side)
    p_value = one_sided.p_value(found, rho_squared=rho2, alternative=side)

    assert isinstance(interval, Interval)
    assert isinstance(p_value, float)
    if not math.isclose(p_value, alpha, rel_tol=1e-6):
        assert interval.excludes(0.0) == (p_value < alpha)


@given(measured, alphas, optima)
def test_one_side_is_tighter_than_both_and_wider_than_a_single_look(
    found: Difference, alpha: float, optimal_units: int
) -> None:
    rho2 = one_sided.rho_squared(alpha=alpha, optimal_units=optimal_units)
    variance = found.count * found.standard_error**2

    one = one_sided.half_width(variance=variance, count=found.count, alpha=alpha, rho_squared=rho2)
    both = sequence.half_width(variance=variance, count=found.count, alpha=alpha, rho_squared=rho2)

    assert one < both
    assert 0.5 * math.erfc(one / found.standard_error / math.sqrt(2.0)) < alpha


@given(measured, optima)
def test_the_two_sides_mirror_each_other(found: Difference, optimal_units: int) -> None:
    rho2 = one_sided.rho_squared(alpha=0.05, optimal_units=optimal_units)
    mirrored = Difference(-found.effect, found.standard_error, found.count)

    up = one_sided.interval(found, alpha=0.05, rho_squared=rho2, alternative=Alternative.GREATER)
    down = one_sided.interval(mirrored, alpha=0.05, rho_squared=rho2, alternative=Alternative.LESS)

    assert isinstance(up, Interval)
    assert isinstance(down, Interval)
    assert (up.lower, up.upper) == (-down.upper, -down.lower)


def test_without_an_effect_it_seldom_ever_shows_one() -> None:
    generator = np.random.default_rng(11)
    rho2 = one_sided.rho_squared(alpha=0.05, optimal_units=2_000)
    runs, shown = 300, 0

    for _ in range(runs):
        control, treatment = Moments(), Moments()
        for _ in range(40):
            control += Moments.of(generator.normal(5.0, 2.0, 50))
            treatment += Moments.of(generator.normal(5.0, 2.0, 50))
            found = difference.plain(control, treatment)
            assert isinstance(found, Difference)
            p = one_sided.p_value(found, rho_squared=rho2, alternative=Alternative.GREATER)
            assert isinstance(p, float)
            if p <= 0.05:
                shown += 1
                break

    assert shown <= 0.05 * runs


def test_an_overwhelming_effect_has_p_zero_and_a_wrong_one_has_p_one() -> None:
    sure = Difference(1e150, 1e-150, 1_000)

    assert one_sided.p_value(sure, rho_squared=0.01, alternative=Alternative.GREATER) == 0.0
    assert one_sided.p_value(sure, rho_squared=0.01, alternative=Alternative.LESS) == 1.0


def test_values_that_do_not_vary_give_no_decision() -> None:
    constant, side = Difference(1.0, 0.0, 100), Alternative.GREATER

    interval = one_sided.interval(constant, alpha=0.05, rho_squared=0.01, alternative=side)
    p_value = one_sided.p_value(constant, rho_squared=0.01, alternative=side)

    assert interval == p_value == Undefined("the values of the units do not vary")


def test_what_is_no_question_is_refused() -> None:
    found, both = Difference(1.0, 1.0, 100), Alternative.TWO_SIDED
    with pytest.raises(ValueError, match="two-sided"):
        one_sided.interval(found, alpha=0.05, rho_squared=0.01, alternative=both)
    with pytest.raises(ValueError, match="one side"):
        one_sided.p_value(found, rho_squared=0.01, alternative=both)
    with pytest.raises(ValueError, match="alpha"):
        one_sided.rho_squared(alpha=0.3, optimal_units=100)
    with pytest.raises(ValueError, match="out of range"):
        one_sided.half_width(variance=1.0, count=10, alpha=0.3, rho_squared=0.01)
