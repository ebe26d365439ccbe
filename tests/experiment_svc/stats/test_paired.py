from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiment_svc.stats import difference, fixed, multinomial, paired
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import FixedTest
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies


@given(strategies.pairs_of_values)
def test_it_is_the_paired_t_test(rows: list[tuple[float, float]]) -> None:
    champion, candidate = np.array(rows).T
    pairs = Moments.of(candidate - champion)
    if pairs.m2 < 1e-3:
        return
    expected = stats.ttest_rel(candidate, champion)

    measured = paired.difference(pairs)
    assert isinstance(measured, Difference)
    found = fixed.judge(measured, alpha=0.05, degrees=pairs.count - 1)

    assert isinstance(found, FixedTest)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-5, abs=1e-9)


def test_pairs_are_surer_than_two_arms_where_inputs_differ_more_than_answers() -> None:
    generator = np.random.default_rng(1)
    hardness = generator.normal(0.0, 10.0, 200)
    champion = hardness + generator.normal(0.0, 1.0, 200)
    candidate = hardness + generator.normal(0.5, 1.0, 200)

    by_pairs = paired.difference(Moments.of(candidate - champion))
    by_arms = difference.plain(Moments.of(champion), Moments.of(candidate))

    assert isinstance(by_pairs, Difference)
    assert isinstance(by_arms, Difference)
    assert by_pairs.effect == pytest.approx(by_arms.effect)
    assert by_pairs.standard_error < by_arms.standard_error / 5.0


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_evidence_of_signs_is_the_same_for_either_winner(better: int, worse: int) -> None:
    forth, back = paired.sign_log_e_value(better, worse), paired.sign_log_e_value(worse, better)

    assert forth == pytest.approx(back, abs=1e-9)


def test_equal_answers_seldom_ever_look_different_and_better_ones_soon_do() -> None:
    generator = np.random.default_rng(2)
    alarms = {0.5: 0, 0.65: 0}

    for share in alarms:
        for _ in range(300):
            wins = np.cumsum(generator.random(400) < share)
            log_e = max(
                paired.sign_log_e_value(int(wins[n - 1]), n - int(wins[n - 1]))
                for n in range(10, 401, 10)
            )
            alarms[share] += multinomial.sequential_p(log_e) <= 0.05

    assert alarms[0.5] <= 15
    assert alarms[0.65] > 270


def test_too_few_pairs_and_values_past_computing_give_no_decision() -> None:
    assert isinstance(paired.difference(Moments()), Undefined)
    assert isinstance(paired.difference(Moments.of([1.0])), Undefined)
    assert paired.difference(Moments(2, 0.0, math.inf)) == difference.TOO_LARGE
