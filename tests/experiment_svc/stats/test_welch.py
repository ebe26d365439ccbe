from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from experiment_svc.stats import relative, welch
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import Alternative, FixedTest
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies

positive_arms = st.lists(st.floats(1.0, 1e3), min_size=2, max_size=30).map(Moments.of)

Lift = Callable[..., FixedTest | Undefined]


def a_test(found: FixedTest | Undefined) -> FixedTest:
    assert isinstance(found, FixedTest)
    return found


@given(strategies.several_values, strategies.several_values, st.sampled_from(Alternative))
def test_it_agrees_with_scipys_welch(
    control: list[float], treatment: list[float], side: Alternative
) -> None:
    assume(np.ptp(control) > 1e-3 and np.ptp(treatment) > 1e-3)
    scipy = stats.ttest_ind(treatment, control, equal_var=False, alternative=side.value)

    found = a_test(
        welch.absolute(Moments.of(control), Moments.of(treatment), alpha=0.05, alternative=side)
    )

    interval = scipy.confidence_interval(0.95)
    assert found.p_value == pytest.approx(scipy.pvalue, rel=1e-6, abs=1e-12)
    assert found.degrees == pytest.approx(scipy.df)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high), abs=1e-6)


def test_the_published_cars_of_two_countries_come_out() -> None:
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.3, AUTO83B.DAT
    american = Moments.of_deviation(249, 20.14458, 6.41470)
    japanese = Moments.of_deviation(79, 30.48101, 6.10771)

    found = a_test(welch.absolute(american, japanese, alpha=0.05))

    assert found.statistic == pytest.approx(12.94627, abs=2e-4)
    assert found.degrees == pytest.approx(136.875, abs=2e-3)


@given(strategies.arms, strategies.arms)
def test_degrees_lie_between_the_smaller_arms_and_those_of_both(
    control: Moments, treatment: Moments
) -> None:
    found = welch.degrees(control, treatment)

    if not isinstance(found, Undefined):
        smaller = min(control.count, treatment.count) - 1
        both = control.count + treatment.count - 2
        assert smaller * (1.0 - 1e-9) <= found <= both * (1.0 + 1e-9)


@given(positive_arms, positive_arms, st.floats(0.1, 10.0))
def test_a_lift_does_not_depend_on_the_unit_of_the_metric(
    control: Moments, treatment: Moments, scale: float
) -> None:
    assume(control.m2 > 1e-6)

    def scaled(arm: Moments) -> Moments:
        return Moments(arm.count, arm.mean * scale, arm.m2 * scale * scale)

    for lift in (welch.taylor, welch.logarithmic):
        here = a_test(lift(control, treatment, alpha=0.05))
        there = a_test(lift(scaled(control), scaled(treatment), alpha=0.05))
        assert (there.effect, there.lower, there.p_value) == pytest.approx(
            (here.effect, here.lower, here.p_value), rel=1e-6, abs=1e-9
        )


@given(positive_arms, positive_arms)
def test_both_lifts_are_the_same_estimate(control: Moments, treatment: Moments) -> None:
    assume(control.m2 > 1e-6)

    taylor = a_test(welch.taylor(control, treatment, alpha=0.05))
    logarithmic = a_test(welch.logarithmic(control, treatment, alpha=0.05))

    assert taylor.effect == pytest.approx(logarithmic.effect, abs=1e-9)
    assert logarithmic.lower > -1.0


@given(positive_arms, positive_arms)
def test_the_logarithm_of_a_ratio_has_the_same_p_value_either_way_round(
    control: Moments, treatment: Moments
) -> None:
    assume(control.m2 > 1e-6)

    forth = a_test(welch.logarithmic(control, treatment, alpha=0.05))
    back = a_test(welch.logarithmic(treatment, control, alpha=0.05))

    assert forth.p_value == pytest.approx(back.p_value, abs=1e-9)
    assert (1.0 + forth.lower) * (1.0 + back.upper) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("lift", [welch.taylor, welch.logarithmic])
def test_the_interval_of_a_lift_covers_as_often_as_it_says(lift: Lift) -> None:
    generator = np.random.default_rng(7)
    runs, missed = 2_000, 0

    for _ in range(runs):
        control = Moments.of(generator.gamma(2.0, 5.0, 400))
        treatment = Moments.of(generator.gamma(2.0, 6.0, 300))
        found = a_test(lift(control, treatment, alpha=0.05))
        missed += not found.lower <= 0.2 <= found.upper

    assert 0.035 < missed / runs < 0.065


def test_relative_to_a_negative_mean_the_sign_is_that_of_the_effect() -> None:
    control, treatment = Moments.of([-1.0, -3.0]), Moments.of([-2.0, 0.0])

    found = relative.taylor(control, treatment)

    assert isinstance(found, Difference)
    assert found.effect == 0.5


@pytest.mark.parametrize("test", [welch.absolute, welch.taylor, welch.logarithmic])
@pytest.mark.parametrize(
    ("control", "treatment"),
    [([], []), ([1.0], [1.0, 2.0]), ([1.0, 2.0], [3.0]), ([2.0, 2.0], [3.0, 3.0])],
    ids=["nobody", "one unit in the control", "one in the treatment", "nothing varies"],
)
def test_too_little_to_tell_gives_no_decision(
    test: Lift, control: list[float], treatment: list[float]
) -> None:
    found = test(Moments.of(control), Moments.of(treatment), alpha=0.05)

    assert isinstance(found, Undefined)
    assert found.reason


def test_a_control_of_zero_has_no_lift() -> None:
    zero, some = Moments.of([-1.0, 1.0]), Moments.of([1.0, 2.0])

    assert isinstance(welch.taylor(zero, some, alpha=0.05), Undefined)
    assert isinstance(welch.logarithmic(zero, some, alpha=0.05), Undefined)
    assert isinstance(welch.logarithmic(some, Moments.of([-2.0, -1.0]), alpha=0.05), Undefined)


def test_a_lift_past_computing_ends_at_infinity() -> None:
    vague = Moments.of([1e-3, 2.0])

    found = a_test(welch.logarithmic(vague, vague, alpha=1e-300))

    assert found.upper == math.inf
    assert found.lower == -1.0


def test_means_of_very_unlike_size_have_no_lift_and_no_error() -> None:
    tiny, vast = Moments.of([1e-300, 2e-300]), Moments.of([1e100, 2e100])

    assert isinstance(welch.logarithmic(tiny, vast, alpha=0.05), Undefined)
    assert isinstance(welch.logarithmic(vast, tiny, alpha=0.05), FixedTest)
