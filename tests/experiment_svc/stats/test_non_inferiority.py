from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import non_inferiority, welch
from experiment_svc.stats.fixed import Alternative, FixedTest
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.non_inferiority import Direction, Standing
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies

CONTROL = Moments.of_deviation(1_000, 50.0, 7.0)
directions = st.sampled_from(Direction)


def a_test(treatment: Moments, margin: float, direction: Direction) -> FixedTest:
    found = non_inferiority.z_test(
        CONTROL, treatment, margin=margin, direction=direction, alpha=0.05
    )
    assert isinstance(found, FixedTest)
    return found


@given(st.floats(40.0, 60.0), st.floats(0.0, 0.2), directions)
def test_the_interval_clears_the_margin_exactly_where_the_p_value_is_under_alpha(
    mean: float, margin: float, direction: Direction
) -> None:
    found = a_test(Moments.of_deviation(1_000, mean, 7.0), margin, direction)

    null = non_inferiority.null_effect(CONTROL.mean, margin=margin, direction=direction)
    standing = non_inferiority.standing(
        Interval(found.lower, found.upper), null=null, direction=direction
    )
    if not math.isclose(found.p_value, 0.05, rel_tol=1e-6):
        assert (standing is Standing.NON_INFERIOR) == (found.p_value < 0.05)


def test_without_a_margin_it_is_the_one_sided_test() -> None:
    treatment = Moments.of_deviation(900_000, 50.1, 7.0)
    control = Moments.of_deviation(900_000, 50.0, 7.0)

    found = non_inferiority.z_test(
        control, treatment, margin=0.0, direction=Direction.INCREASE, alpha=0.05
    )
    expected = welch.absolute(control, treatment, alpha=0.05, alternative=Alternative.GREATER)

    assert isinstance(found, FixedTest)
    assert isinstance(expected, FixedTest)
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-3)


@given(st.floats(1.0, 99.0), st.floats(0.0, 0.2))
def test_the_two_directions_mirror_each_other(mean: float, margin: float) -> None:
    good = a_test(Moments.of_deviation(1_000, mean, 7.0), margin, Direction.INCREASE)
    mirrored = a_test(Moments.of_deviation(1_000, 100.0 - mean, 7.0), margin, Direction.DECREASE)

    assert good.p_value == pytest.approx(mirrored.p_value, rel=1e-6, abs=1e-300)
    assert good.lower == pytest.approx(-mirrored.upper)


def test_a_margin_of_a_negative_mean_is_still_harm() -> None:
    null = non_inferiority.null_effect(-50.0, margin=0.1, direction=Direction.INCREASE)

    assert null == -5.0


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(-0.9, 3.0), Standing.NON_INFERIOR),
        (Interval(-2.0, 3.0), Standing.UNDECIDED),
        (Interval(-2.0, -1.1), Standing.INFERIOR),
        (Interval(-1.0, 1.0), Standing.UNDECIDED),
    ],
)
def test_an_interval_stands_where_it_lies(interval: Interval, expected: Standing) -> None:
    mirrored = Interval(-interval.upper, -interval.lower)

    assert non_inferiority.standing(interval, null=-1.0, direction=Direction.INCREASE) is expected
    assert non_inferiority.standing(mirrored, null=1.0, direction=Direction.DECREASE) is expected


@given(strategies.arms)
def test_an_arm_without_two_units_gives_no_decision(arm: Moments) -> None:
    found = non_inferiority.z_test(
        arm, Moments.of([1.0]), margin=0.1, direction=Direction.INCREASE, alpha=0.05
    )

    assert isinstance(found, Undefined)


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        a_test(CONTROL, -0.1, Direction.INCREASE)
