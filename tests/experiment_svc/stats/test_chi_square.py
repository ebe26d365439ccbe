from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from experiment_svc.stats import chi_square
from experiment_svc.stats.chi_square import ChiSquare
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies


@given(strategies.shares, st.data())
def test_it_agrees_with_scipy(weights: list[float], data: st.DataObject) -> None:
    size = len(weights)
    counts = data.draw(st.lists(st.integers(0, 10**6), min_size=size, max_size=size))
    assume(sum(counts))
    expected = stats.chisquare(counts, [sum(counts) * weight for weight in weights])

    found = chi_square.sample_ratio(counts, weights)

    assert isinstance(found, ChiSquare)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


def test_weights_have_no_unit_and_an_arm_without_weight_is_left_out() -> None:
    plain = chi_square.sample_ratio([510, 490], [0.5, 0.5])

    assert chi_square.sample_ratio([510, 490], [5_000, 5_000]) == plain
    assert chi_square.sample_ratio([510, 0, 490], [1.0, 0.0, 1.0]) == plain


def test_units_in_an_arm_without_weight_contradict_it_outright() -> None:
    assert chi_square.sample_ratio([510, 490, 1], [0.5, 0.5, 0.0]) == ChiSquare(math.inf, 1, 0.0)


@pytest.mark.parametrize(("counts", "weights"), [([0, 0], [1.0, 1.0]), ([5, 0], [1.0, 0.0])])
def test_too_little_to_compare_gives_no_decision(counts: list[int], weights: list[float]) -> None:
    assert isinstance(chi_square.sample_ratio(counts, weights), Undefined)


@pytest.mark.parametrize(
    ("counts", "weights"),
    [([1], [0.5, 0.5]), ([-1, 2], [0.5, 0.5]), ([1, 2], [-0.5, 1.5]), ([1, 2], [math.nan, 1.0])],
)
def test_what_is_no_question_is_refused(counts: list[int], weights: list[float]) -> None:
    with pytest.raises(ValueError, match=r"weights|negative"):
        chi_square.sample_ratio(counts, weights)
