from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from tests.experiment_svc.stats import strategies

Rows = list[tuple[float, float]]


def close(one: JointMoments, other: JointMoments) -> bool:
    return one.count == other.count and np.allclose(
        np.vstack([one.means, *one.products]),
        np.vstack([other.means, *other.products]),
        rtol=1e-9,
        atol=1e-4,
    )


@given(strategies.pairs_of_values, strategies.pairs_of_values)
def test_merging_two_samples_equals_summarising_both_at_once(left: Rows, right: Rows) -> None:
    assert close(JointMoments.of(left) + JointMoments.of(right), JointMoments.of(left + right))


@given(strategies.joint_arms, strategies.joint_arms, strategies.joint_arms)
def test_the_order_of_merging_does_not_matter(
    a: JointMoments, b: JointMoments, c: JointMoments
) -> None:
    assert close((a + b) + c, c + (b + a))


@given(strategies.joint_arms)
def test_nothing_added_changes_nothing(arm: JointMoments) -> None:
    nothing = JointMoments.of(np.empty((0, 2)))

    assert arm + nothing == arm == nothing + arm


@given(strategies.pairs_of_values)
def test_covariances_agree_with_numpy(rows: Rows) -> None:
    found = JointMoments.of(rows)

    covariances = np.cov(np.array(rows), rowvar=False)
    assert np.asarray(found.products) / (found.count - 1) == pytest.approx(covariances, abs=1e-6)
    assert close(JointMoments.of_covariances(len(rows), found.means, covariances.tolist()), found)


@given(strategies.pairs_of_values, st.floats(-10.0, 10.0), st.floats(-10.0, 10.0))
def test_a_weighted_sum_has_the_moments_of_its_values(rows: Rows, a: float, b: float) -> None:
    expected = Moments.of(np.array(rows) @ [a, b])

    found = JointMoments.of(rows).combined([a, b])

    assert found.mean == pytest.approx(expected.mean, abs=1e-8)
    assert found.m2 == pytest.approx(expected.m2, rel=1e-9, abs=1e-4)


def test_a_small_spread_on_a_large_mean_keeps_its_digits() -> None:
    rows = np.array([[1e9 + 1.0, 1e9], [1e9, 1e9 + 1.0], [1e9 - 1.0, 1e9 - 1.0]])

    merged = JointMoments.of(rows[:1]) + JointMoments.of(rows[1:])

    assert merged.products == pytest.approx(np.array(((2.0, 1.0), (1.0, 2.0))))


def test_values_past_computing_are_not_finite_and_no_error() -> None:
    huge = JointMoments.of([[1e300, 1.0], [-1e300, 2.0]])

    assert huge.moments(0).m2 == float("inf")
    assert huge.moments(1).m2 == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        (-1, (0.0,), ((0.0,),)),
        (1, (), ()),
        (1, (0.0,), ((0.0, 0.0),)),
        (1, (0.0,), ((-1.0,),)),
        (2, (0.0, 0.0), ((1.0, 0.5), (0.4, 1.0))),
    ],
)
def test_what_no_units_have_is_refused(
    wrong: tuple[int, tuple[float, ...], tuple[tuple[float, ...], ...]],
) -> None:
    with pytest.raises(ValueError, match=r"count|products|negative|symmetric"):
        JointMoments(*wrong)


@pytest.mark.parametrize("wrong", [[1.0, 2.0], [[float("nan"), 1.0]], np.empty((3, 0))])
def test_values_of_another_shape_or_not_finite_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match=r"shape|finite"):
        JointMoments.of(wrong)


def test_units_with_other_values_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="cannot join"):
        JointMoments.of([[1.0]]) + JointMoments.of([[1.0, 2.0]])


def test_one_unit_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="no covariance"):
        JointMoments.of_covariances(1, [1.0], [[0.0]])
