from __future__ import annotations

import math

import pytest
from hypothesis import given
from scipy import stats

from experiment_svc.stats import proportion_intervals, proportions, welch
from experiment_svc.stats.fixed import FixedTest
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.proportions import Proportion
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies

# Physicians' Health Study, heart attacks with aspirin and placebo: Agresti,
# Categorical Data Analysis, section 2.1.1
ASPIRIN, PLACEBO = Proportion(11_037, 104), Proportion(11_034, 189)


def a_test(found: FixedTest | Undefined) -> FixedTest:
    assert isinstance(found, FixedTest)
    return found


def an_interval(found: Interval | Undefined) -> Interval:
    assert isinstance(found, Interval)
    return found


def test_the_published_difference_of_heart_attacks_comes_out() -> None:
    found = a_test(proportions.wald(ASPIRIN, PLACEBO, alpha=0.05))

    assert round(found.effect, 4) == 0.0077
    assert (round(found.lower, 3), round(found.upper, 3)) == (0.005, 0.011)
    assert a_test(proportions.pooled_z(ASPIRIN, PLACEBO)).statistic == pytest.approx(5.00, abs=5e-3)


@given(strategies.proportions, strategies.proportions)
def test_the_square_of_the_pooled_score_is_pearsons(
    control: Proportion, treatment: Proportion
) -> None:
    found = proportions.pooled_z(control, treatment)

    both = control + treatment
    if both.successes in (0, both.count):
        assert isinstance(found, Undefined)
        return
    table = [[arm.successes, arm.count - arm.successes] for arm in (control, treatment)]
    pearson = stats.contingency.chi2_contingency(table, correction=False)
    assert a_test(found).chi_square == pytest.approx(pearson.statistic, rel=1e-9, abs=1e-9)
    assert a_test(found).p_value == pytest.approx(pearson.pvalue, rel=1e-6, abs=1e-12)


@given(strategies.proportions, strategies.alphas)
def test_wilsons_ends_are_the_shares_that_a_score_test_just_rejects(
    arm: Proportion, alpha: float
) -> None:
    found = an_interval(proportion_intervals.wilson(arm, alpha=alpha))
    z = -stats.norm.ppf(alpha / 2.0)
    share = arm.successes / arm.count

    assert 0.0 <= found.lower <= share <= found.upper <= 1.0
    for end in (found.lower, found.upper):
        if 0.0 < end < 1.0:
            score = (share - end) / math.sqrt(end * (1.0 - end) / arm.count)
            assert abs(score) == pytest.approx(z, rel=1e-5)


def test_wilson_agrees_with_scipy() -> None:
    expected = stats.binomtest(7, 34).proportion_ci(0.95, method="wilson")

    found = an_interval(proportion_intervals.wilson(Proportion(34, 7), alpha=0.05))

    assert (found.lower, found.upper) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("treated", "control", "ends"),
    [
        # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0000)),
        ((10, 10), (0, 10), (0.6075, 1.0000)),
    ],
)
def test_newcombes_published_intervals_come_out(
    treated: tuple[int, int], control: tuple[int, int], ends: tuple[float, float]
) -> None:
    found = an_interval(
        proportion_intervals.newcombe(
            Proportion(control[1], control[0]), Proportion(treated[1], treated[0]), alpha=0.05
        )
    )

    assert (round(found.lower, 4), round(found.upper, 4)) == ends


@given(strategies.proportions, strategies.proportions, strategies.alphas)
def test_newcombes_interval_mirrors_and_stays_among_differences_of_shares(
    control: Proportion, treatment: Proportion, alpha: float
) -> None:
    forth = an_interval(proportion_intervals.newcombe(control, treatment, alpha=alpha))
    back = an_interval(proportion_intervals.newcombe(treatment, control, alpha=alpha))

    assert (forth.lower, forth.upper) == pytest.approx((-back.upper, -back.lower), abs=1e-12)
    assert -1.0 - 1e-12 <= forth.lower <= forth.upper <= 1.0 + 1e-12


@given(strategies.proportions, strategies.proportions)
def test_a_margin_of_nothing_asks_for_superiority(
    control: Proportion, treatment: Proportion
) -> None:
    found = proportions.non_inferiority(control, treatment, margin=0.0, alpha=0.05)
    plain = proportions.wald(control, treatment, alpha=0.05)

    if isinstance(plain, Undefined):
        assert found == plain
        return
    assert a_test(found).statistic == pytest.approx(plain.statistic)
    assert min(a_test(found).p_value, 1.0 - a_test(found).p_value) == pytest.approx(
        plain.p_value / 2.0, abs=1e-12
    )


def test_a_margin_names_the_harm_by_its_sign() -> None:
    control, treatment = Proportion(10_000, 1_000), Proportion(10_000, 1_000)

    conversions = a_test(proportions.non_inferiority(control, treatment, margin=-0.01, alpha=0.05))
    errors = a_test(proportions.non_inferiority(control, treatment, margin=0.01, alpha=0.05))

    assert conversions.p_value == pytest.approx(errors.p_value)
    assert conversions.lower == pytest.approx(-errors.upper)
    assert conversions.p_value < 0.01


def test_as_moments_a_share_varies_as_a_coin_does() -> None:
    arm = Proportion(28, 14)

    assert arm.moments.variance == pytest.approx(0.25)
    assert arm.moments.mean == arm.rate == 0.5
    assert Proportion().moments == Moments()
    assert isinstance(welch.taylor(Proportion().moments, arm.moments, alpha=0.05), Undefined)


def test_without_units_there_is_no_share_and_no_decision() -> None:
    nobody, some = Proportion(), Proportion(10, 5)

    assert nobody.rate is None
    for pair in ((nobody, some), (some, nobody)):
        assert proportions.pooled_z(*pair) == proportions.NO_UNITS
        assert proportions.wald(*pair, alpha=0.05) == proportions.NO_UNITS
        assert proportion_intervals.newcombe(*pair, alpha=0.05) == proportions.NO_UNITS


@pytest.mark.parametrize(("count", "successes"), [(1, 2), (1, -1), (-1, 0)])
def test_more_events_than_units_are_refused(count: int, successes: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        Proportion(count, successes)


def test_a_margin_that_no_share_can_miss_is_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        proportions.non_inferiority(ASPIRIN, PLACEBO, margin=1.5, alpha=0.05)
