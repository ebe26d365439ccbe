from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.sums import centred_product, centred_square
from tests.experiment_svc.stats import strategies


def test_a_subtraction_that_cancels_keeps_every_digit_of_the_sums() -> None:
    # 2**52 and 2**52 + 2: squares and their sum are exact in 106 bits only
    total, squares = 2.0**53 + 2.0, 2.0**105 + 2.0**55 + 4.0

    assert centred_square(2, total, squares) >= 0.0
    assert centred_product(3, 3e8, 3.0, 3e8) == 0.0


@given(strategies.several_values)
def test_moments_of_sums_are_those_of_the_values(values: list[float]) -> None:
    array = np.array(values)

    found = Moments.of_sums(len(values), array.sum(), np.square(array).sum())

    expected = Moments.of(values)
    assert found.mean == pytest.approx(expected.mean, abs=1e-9)
    assert found.m2 == pytest.approx(expected.m2, abs=1e-6)


@given(strategies.pairs_of_values)
def test_joint_moments_of_sums_are_those_of_the_values(values: list[tuple[float, float]]) -> None:
    array = np.array(values)

    found = JointMoments.of_sums(
        len(values), array.sum(axis=0).tolist(), (array.T @ array).tolist()
    )

    expected = JointMoments.of(values)
    assert found.means == pytest.approx(expected.means, abs=1e-9)
    assert np.asarray(found.products) == pytest.approx(np.asarray(expected.products), abs=1e-5)


def test_rounding_below_zero_is_no_spread_and_more_than_rounding_is_refused() -> None:
    assert centred_square(10, 1.0, 0.1 * (1.0 - 1e-12)) == 0.0
    with pytest.raises(ValueError, match="sum of squares"):
        centred_square(10, 1.0, 0.09)


@pytest.mark.parametrize(
    ("count", "total", "squares"), [(0, 1.0, 1.0), (2, float("nan"), 1.0), (2, 1.0, float("inf"))]
)
def test_sums_that_no_values_have_are_refused(count: int, total: float, squares: float) -> None:
    with pytest.raises(ValueError, match="sums"):
        Moments.of_sums(count, total, squares)


def test_no_values_have_no_moments() -> None:
    assert Moments.of_sums(0, 0.0, 0.0) == Moments()


@given(strategies.arms)
def test_moments_come_back_from_their_variance(arm: Moments) -> None:
    assert arm.variance is not None

    assert Moments.of_variance(arm.count, arm.mean, arm.variance).m2 == pytest.approx(arm.m2)
    again = Moments.of_deviation(arm.count, arm.mean, arm.variance**0.5)
    assert again.m2 == pytest.approx(arm.m2)


@pytest.mark.parametrize("wrong", [(1, 0.0, 1.0), (2, float("nan"), 1.0), (2, 0.0, -1.0)])
def test_a_variance_that_no_values_have_is_refused(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="variance"):
        Moments.of_variance(*wrong)
    with pytest.raises(ValueError, match=r"variance|deviation"):
        Moments.of_deviation(*wrong)
