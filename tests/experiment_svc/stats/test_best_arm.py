from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import best_arm

normals = st.lists(st.tuples(st.floats(-10.0, 10.0), st.floats(0.01, 10.0)), min_size=1, max_size=6)
betas = st.lists(st.tuples(st.floats(0.5, 1e4), st.floats(0.5, 1e4)), min_size=1, max_size=6)


@given(st.floats(-5.0, 5.0), st.floats(0.01, 10.0), st.floats(0.01, 10.0))
def test_of_two_normals_it_is_the_normal_of_their_difference(
    gap: float, one: float, other: float
) -> None:
    found = best_arm.of_normals([0.0, gap], [one, other])

    z = gap / math.hypot(one, other)
    assert found[1] == pytest.approx(0.5 * math.erfc(-z / math.sqrt(2.0)), abs=5e-5)


def test_of_two_betas_with_whole_numbers_it_is_the_closed_form() -> None:
    # Miller 2015, "Formulas for Bayesian A/B testing": a sum over the successes of one arm
    (a, b), (c, d) = (31, 971), (46, 956)

    def log_beta(x: float, y: float) -> float:
        return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

    expected = sum(
        math.exp(log_beta(a + i, b + d) - math.log(d + i) - log_beta(1 + i, d) - log_beta(a, b))
        for i in range(c)
    )

    found = best_arm.of_betas([(a, b), (c, d)])

    assert found[1] == pytest.approx(expected, abs=5e-5)


@given(normals)
def test_probabilities_sum_to_one_and_the_order_of_the_arms_does_not_matter(
    arms: list[tuple[float, float]],
) -> None:
    means, deviations = zip(*arms, strict=True)

    forth = best_arm.of_normals(means, deviations)
    back = best_arm.of_normals(means[::-1], deviations[::-1])

    assert sum(forth) == pytest.approx(1.0)
    assert min(forth) >= 0.0
    assert forth == pytest.approx(back[::-1], abs=1e-9)


@given(betas)
def test_equal_arms_are_equally_likely_the_best(arms: list[tuple[float, float]]) -> None:
    found = best_arm.of_betas([arms[0]] * len(arms))

    assert found == pytest.approx([1.0 / len(arms)] * len(arms))


def test_it_agrees_with_drawing() -> None:
    generator = np.random.default_rng(2)
    arms = [(5.0, 97.0), (9.0, 93.0), (700.0, 9_300.0), (0.5, 0.5)]
    draws = np.stack([generator.beta(a, b, 200_000) for a, b in arms], axis=1)

    found = best_arm.of_betas(arms)

    assert found == pytest.approx(np.bincount(draws.argmax(axis=1)) / 200_000, abs=0.005)


def test_arms_of_very_unlike_certainty_are_integrated_well() -> None:
    found = best_arm.of_normals([0.0, 0.5, 0.5], [1e-6, 1.0, 1e-3])

    # the third is at 0.5 for sure, the first under it; the second is over it half the time
    assert found == pytest.approx([0.0, 0.5, 0.5], abs=1e-3)


@pytest.mark.parametrize(
    ("means", "deviations"),
    [([], []), ([1.0], []), ([math.nan], [1.0]), ([0.0], [0.0]), ([0.0], [math.inf])],
)
def test_normals_that_are_none_are_refused(means: list[float], deviations: list[float]) -> None:
    with pytest.raises(ValueError, match=r"means|deviations"):
        best_arm.of_normals(means, deviations)


@pytest.mark.parametrize("arms", [[], [(0.0, 1.0)], [(1.0, -1.0)], [(math.inf, 1.0)]])
def test_betas_that_are_none_are_refused(arms: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=r"arm|positive"):
        best_arm.of_betas(arms)
