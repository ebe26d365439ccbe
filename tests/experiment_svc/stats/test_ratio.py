from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from experiment_svc.stats import ratio, welch
from experiment_svc.stats.fixed import FixedTest
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies

Rows = list[tuple[float, float]]


@given(strategies.pairs_of_values)
def test_the_ratio_is_that_of_the_sums_and_its_spread_that_of_the_linear_values(rows: Rows) -> None:
    numerators, denominators = np.array(rows).T
    whole = numerators.sum() / denominators.sum()
    expected = Moments.of((numerators - whole * denominators) / denominators.mean())

    found = ratio.linearised(JointMoments.of(rows))

    assert isinstance(found, Moments)
    assert found.mean == pytest.approx(whole, rel=1e-9, abs=1e-9)
    assert found.m2 == pytest.approx(expected.m2, rel=1e-6, abs=1e-6)


@given(strategies.several_values)
def test_over_a_denominator_of_one_it_is_the_mean(values: list[float]) -> None:
    arm = JointMoments.of([(value, 1.0) for value in values])

    found, expected = ratio.linearised(arm), Moments.of(values)

    assert isinstance(found, Moments)
    assert found.count == expected.count
    assert found.mean == pytest.approx(expected.mean, abs=1e-9)
    assert found.m2 == pytest.approx(expected.m2, abs=1e-6)


def test_the_standard_error_is_that_of_the_bootstrap() -> None:
    generator = np.random.default_rng(3)
    requests = generator.poisson(4.0, 800) + 1.0
    errors = generator.binomial(requests.astype(int), generator.beta(1.0, 9.0, 800)).astype(float)
    rows = np.column_stack([errors, requests])

    resampled = rows[generator.integers(0, 800, (4_000, 800))].sum(axis=1)
    found = ratio.linearised(JointMoments.of(rows))

    assert isinstance(found, Moments)
    assert found.variance is not None
    standard_error = (found.variance / found.count) ** 0.5
    assert standard_error == pytest.approx((resampled[:, 0] / resampled[:, 1]).std(), rel=0.04)


def test_units_with_many_requests_do_not_raise_the_error_rate_of_the_test() -> None:
    generator = np.random.default_rng(5)
    runs, found_something = 1_000, 0

    for _ in range(runs):
        arms = []
        for _ in range(2):
            requests = generator.poisson(np.exp(generator.normal(1.2, 0.8, 500))) + 1
            share = generator.beta(1.0, 3.0, 500)
            rows = np.column_stack([generator.binomial(requests, share), requests])
            arm = ratio.linearised(JointMoments.of(rows))
            assert isinstance(arm, Moments)
            arms.append(arm)
        found = welch.absolute(arms[0], arms[1], alpha=0.05)
        assert isinstance(found, FixedTest)
        found_something += found.p_value <= 0.05

    assert 0.03 < found_something / runs < 0.07


@pytest.mark.parametrize(
    "rows", [np.empty((0, 2)), np.zeros((3, 2)), [[1.0, -1.0], [2.0, 1.0]]],
    ids=["nobody", "no denominator", "denominators that cancel"],
)  # fmt: skip
def test_without_a_denominator_there_is_no_ratio(rows: Rows) -> None:
    found = ratio.linearised(JointMoments.of(rows))

    assert isinstance(found, Undefined)
    assert found.reason


def test_a_denominator_past_computing_has_no_ratio() -> None:
    found = ratio.linearised(JointMoments.of([[1.0, 1e-310], [2.0, 1e-310]]))

    assert isinstance(found, Undefined)


def test_the_wrong_number_of_values_is_refused() -> None:
    with pytest.raises(ValueError, match="2 values"):
        ratio.linearised(JointMoments.of([[1.0], [2.0]]))
    with pytest.raises(ValueError, match="even"):
        ratio.linearised_pairs(JointMoments.of([[1.0], [2.0]]))
