from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import allocation
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.proportions import Proportion
from tests.experiment_svc.stats import strategies


@given(strategies.shares, st.floats(0.0, 1.0))
def test_every_arm_keeps_the_floor_and_the_order_and_the_sum_stay(
    weights: list[float], part: float
) -> None:
    floor = part / len(weights)

    found = allocation.with_floor(weights, floor=floor)

    assert min(found) >= floor - 1e-12
    assert math.fsum(found) == pytest.approx(1.0)
    assert np.array_equal(np.argsort(weights, kind="stable"), np.argsort(found, kind="stable")) or (
        np.ptp(found) < 1e-9
    )


def test_the_least_share_of_an_arm_is_exactly_the_floor() -> None:
    assert allocation.with_floor([0.0, 0.1, 0.9], floor=0.05) == pytest.approx([0.05, 0.135, 0.815])


def test_a_better_rate_draws_the_traffic() -> None:
    arms = [Proportion(1_000, 50), Proportion(1_000, 55), Proportion(1_000, 90)]

    found = allocation.thompson_rates(arms, floor=0.02)

    assert found[2] > 0.9
    assert min(found) >= 0.02


def test_arms_that_all_fail_share_alike() -> None:
    failing = [Proportion(500, 0)] * 3

    assert allocation.thompson_rates(failing, floor=0.01) == pytest.approx([1.0 / 3.0] * 3)


def test_means_share_alike_until_every_arm_has_a_spread() -> None:
    seen = Moments.of([1.0, 5.0, 9.0])

    for early in (Moments(), Moments.of([100.0]), Moments.of([100.0, 100.0])):
        assert allocation.thompson_means([seen, early], floor=0.1) == pytest.approx([0.5, 0.5])
    assert allocation.thompson_means([seen, Moments.of([20.0, 25.0])], floor=0.1)[1] > 0.85


def test_over_many_batches_the_regret_stays_far_under_that_of_equal_shares() -> None:
    generator = np.random.default_rng(6)
    rates, floor, batch, batches = np.array([0.05, 0.055, 0.065]), 0.01, 1_000, 50
    regrets = []

    for _ in range(5):
        arms, shares, regret = [Proportion()] * 3, [1.0 / 3.0] * 3, 0.0
        for _ in range(batches):
            units = generator.multinomial(batch, shares)
            regret += float((rates.max() - rates) @ units)
            successes = generator.binomial(units, rates)
            arms = [
                arm + Proportion(int(n), int(k))
                for arm, n, k in zip(arms, units, successes, strict=True)
            ]
            shares = allocation.thompson_rates(arms, floor=floor)
        regrets.append(regret)

    equal = (rates.max() - rates.mean()) * batch * batches
    assert np.mean(regrets) < 0.4 * equal


@pytest.mark.parametrize(
    ("weights", "floor"),
    [([0.5, 0.6], 0.0), ([-0.1, 1.1], 0.0), ([0.5, 0.5], 0.6), ([0.5, 0.5], -0.1), ([], 0.0)],
)
def test_what_is_no_allocation_is_refused(weights: list[float], floor: float) -> None:
    with pytest.raises(ValueError, match=r"weights|floor"):
        allocation.with_floor(weights, floor=floor)


def test_no_arms_are_refused() -> None:
    with pytest.raises(ValueError, match="arm"):
        allocation.thompson_means([], floor=0.0)
