from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiment_svc.stats import power, sample_size, sequence

alphas = st.floats(0.001, 0.2)
powers = st.floats(0.3, 0.99)
effects = st.floats(0.01, 2.0)
ratios = st.floats(0.1, 10.0)


def test_the_published_sizes_of_a_t_test_come_out() -> None:
    # Cohen, Statistical Power Analysis, 1988, table 2.4.1: alpha 0.05, power 0.80, rounded up
    for size, published in ((0.2, 393), (0.5, 64), (0.8, 26)):
        found = sample_size.mean_by_t(mde=size, deviation=1.0, alpha=0.05, power=0.8)
        assert abs(math.ceil(found) - published) <= 1


@given(effects, alphas, powers, ratios)
def test_the_t_test_has_the_power_that_was_asked_for(
    mde: float, alpha: float, wanted: float, ratio: float
) -> None:
    units = sample_size.mean_by_t(mde=mde, deviation=1.0, alpha=alpha, power=wanted, ratio=ratio)

    degrees = units * (1.0 + ratio) - 2.0
    shift = mde * math.sqrt(units / (1.0 + 1.0 / ratio))
    # averaged over how the variance may be estimated
    spreads = stats.chi2.ppf((np.arange(20_000) + 0.5) / 20_000, degrees) / degrees
    bounds = stats.t.isf(alpha / 2.0, degrees) * np.sqrt(spreads)
    found = np.mean(stats.norm.cdf(shift - bounds) + stats.norm.cdf(-shift - bounds))
    fewest = 2.0 * max(1.0, 1.0 / ratio)
    assert found == pytest.approx(wanted, abs=1e-4) or (units == fewest and found > wanted)


@given(effects, st.floats(0.1, 100.0), st.floats(10.0, 1e6), alphas, ratios)
def test_the_power_is_that_of_a_shifted_normal(
    mde: float, deviation: float, units: float, alpha: float, ratio: float
) -> None:
    found = power.of_mean(
        mde=mde, deviation=deviation, units_per_arm=units, alpha=alpha, ratio=ratio
    )

    shift = mde / (deviation * math.sqrt(1.0 / units + 1.0 / (units * ratio)))
    z = stats.norm.isf(alpha / 2.0)
    assert found == pytest.approx(stats.norm.sf(z, shift) + stats.norm.cdf(-z, shift))
    assert alpha * (1.0 - 1e-9) <= found <= 1.0


@given(st.floats(0.1, 100.0), st.floats(10.0, 1e6), alphas, st.floats(0.21, 0.999), ratios)
def test_the_detectable_effect_is_found_with_the_power_asked_for(
    deviation: float, units: float, alpha: float, wanted: float, ratio: float
) -> None:
    mde = power.detectable_mean(
        deviation=deviation, units_per_arm=units, alpha=alpha, power=wanted, ratio=ratio
    )

    again = power.of_mean(
        mde=mde, deviation=deviation, units_per_arm=units, alpha=alpha, ratio=ratio
    )
    assert again == pytest.approx(wanted, abs=1e-9)


def test_the_number_of_units_finds_the_effect_as_often_as_it_promises() -> None:
    generator = np.random.default_rng(12)
    units = math.ceil(sample_size.share_per_arm(baseline=0.1, mde=0.04, alpha=0.05, power=0.8))

    control = generator.binomial(units, 0.10, 20_000) / units
    treatment = generator.binomial(units, 0.14, 20_000) / units
    pooled = (control + treatment) / 2.0
    z = (treatment - control) / np.sqrt(2.0 * pooled * (1.0 - pooled) / units)

    assert (np.abs(z) > 1.959964).mean() == pytest.approx(0.8, abs=0.01)


def test_one_side_needs_fewer_units_and_harm_as_many_as_gain() -> None:
    both = sample_size.share_per_arm(baseline=0.5, mde=0.1, alpha=0.05, power=0.8)
    one = sample_size.share_per_arm(baseline=0.5, mde=0.1, alpha=0.05, power=0.8, two_sided=False)
    harm = sample_size.share_per_arm(baseline=0.5, mde=-0.1, alpha=0.05, power=0.8)

    assert one < both
    assert harm == pytest.approx(both)


def test_totals_are_the_normals_rule_of_sixteen() -> None:
    # van Belle, Statistical Rules of Thumb, 2.1: about 16 s^2 / d^2 in each arm
    found = sample_size.mean_total(variance=4.0, mde=0.5, alpha=0.05, power=0.8)

    assert found / 2.0 == pytest.approx(16.0 * 4.0 / 0.25, rel=0.02)
    assert sample_size.share_total(baseline=0.1, mde=0.01, alpha=0.05, power=0.8) == pytest.approx(
        sample_size.mean_total(variance=0.09, mde=0.01, alpha=0.05, power=0.8)
    )


@given(alphas, st.floats(0.01, 0.99))
def test_at_even_odds_the_sequence_is_as_wide_as_the_effect(alpha: float, share: float) -> None:
    units = sample_size.sequential_total(
        variance=9.0, mde=0.3, alpha=alpha, power=0.5, treatment_share=share
    )

    rho2 = sequence.rho_squared(alpha=alpha, optimal_units=1) / units
    per_unit = 9.0 / share + 9.0 / (1.0 - share)
    half_width = (
        math.sqrt(per_unit)
        * sequence.half_width(variance=1.0, count=1, alpha=alpha, rho_squared=rho2 * units)
        / math.sqrt(units)
    )
    assert half_width == pytest.approx(0.3)


def test_a_sequence_needs_more_units_than_a_single_look() -> None:
    once = sample_size.mean_total(variance=9.0, mde=0.12, alpha=0.05, power=0.8)
    always = sample_size.sequential_total(variance=9.0, mde=0.12, alpha=0.05, power=0.8)

    assert 1.5 < always / once < 2.5


def test_durations_are_whole_weeks() -> None:
    assert sample_size.whole_weeks(7_000, units_per_day=1_000) == 1
    assert sample_size.whole_weeks(7_001, units_per_day=1_000) == 2
    assert sample_size.whole_weeks(0, units_per_day=1_000) == 1


def test_what_has_no_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="mde"):
        sample_size.mean_total(variance=1.0, mde=0.0, alpha=0.05, power=0.8)
    with pytest.raises(ValueError, match="power"):
        sample_size.mean_by_t(mde=1.0, deviation=1.0, alpha=0.05, power=0.05)
    with pytest.raises(ValueError, match="power"):
        power.detectable_mean(deviation=1.0, units_per_arm=9, alpha=0.05, power=1.0)
    with pytest.raises(ValueError, match="ratio"):
        sample_size.mean_by_t(mde=1.0, deviation=1.0, alpha=0.05, power=0.8, ratio=0.0)
    with pytest.raises(ValueError, match="shares differ"):
        sample_size.share_per_arm(baseline=0.9, mde=0.2, alpha=0.05, power=0.8)
    with pytest.raises(ValueError, match="baseline"):
        sample_size.share_total(baseline=1.0, mde=0.2, alpha=0.05, power=0.8)
    with pytest.raises(ValueError, match="treatment_share"):
        sample_size.sequential_total(
            variance=1.0, mde=0.1, alpha=0.05, power=0.8, treatment_share=1.0
        )
    with pytest.raises(ValueError, match="units_per_day"):
        sample_size.whole_weeks(10, units_per_day=0.0)
    with pytest.raises(ValueError, match="correlation"):
        sample_size.after_cuped(10.0, correlation=1.1)
    with pytest.raises(ValueError, match="positive"):
        power.of_mean(mde=1.0, deviation=0.0, units_per_arm=9, alpha=0.05)
    with pytest.raises(ValueError, match="finite"):
        power.of_mean(mde=math.nan, deviation=1.0, units_per_arm=9, alpha=0.05)
