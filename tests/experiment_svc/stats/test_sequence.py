from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import sequence
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined

differences = st.builds(
    Difference,
    effect=st.floats(-10.0, 10.0),
    standard_error=st.floats(1e-3, 10.0),
    count=st.integers(4, 10**7),
)
alphas = st.floats(1e-6, 0.5)
optima = st.integers(10, 10**9)


def mixture(difference: Difference, rho2: float) -> float:
    """Likelihood ratio of a normal mixture of effects, integrated numerically.

    The closed form under test is this integral: effects of size `x` in standard
    deviations of one unit, mixed with density N(0, rho2).
    """
    sigma = difference.standard_error * math.sqrt(difference.count)
    total = difference.count * difference.effect / sigma
    center = rho2 * total / (difference.count * rho2 + 1.0)
    spread = math.sqrt(rho2 / (difference.count * rho2 + 1.0))
    x = np.linspace(center - 12.0 * spread, center + 12.0 * spread, 20_001)
    log_ratio = x * total - x**2 * difference.count / 2.0 - x**2 / (2.0 * rho2)
    density = np.exp(log_ratio) / math.sqrt(2.0 * math.pi * rho2)
    return float(density.sum() * (x[1] - x[0]))


@pytest.mark.parametrize("effect", [0.0, 0.01, 0.03, 0.06, -0.1])
@pytest.mark.parametrize("count", [100, 5_000, 80_000])
def test_the_p_value_is_the_inverse_of_the_mixture_it_is_the_closed_form_of(
    effect: float, count: int
) -> None:
    rho2 = sequence.rho_squared(alpha=0.05, optimal_units=5_000)
    difference = Difference(effect, 2.0 / math.sqrt(count), count)

    p = sequence.always_valid_p(difference, alpha=0.05, optimal_units=5_000)

    assert p == pytest.approx(min(1.0, 1.0 / mixture(difference, rho2)), rel=1e-6)


@given(differences, alphas, optima)
def test_the_interval_excludes_zero_exactly_where_the_p_value_is_under_alpha(
    difference: Difference, alpha: float, optimal_units: int
) -> None:
    interval = sequence.confidence_sequence(difference, alpha=alpha, optimal_units=optimal_units)
    p = sequence.always_valid_p(difference, alpha=alpha, optimal_units=optimal_units)

    assert isinstance(interval, Interval)
    assert isinstance(p, float)
    if not math.isclose(p, alpha, rel_tol=1e-6):
        assert interval.excludes(0.0) == (p < alpha)


@given(differences, alphas, optima)
def test_the_interval_is_wider_than_the_one_for_a_single_look(
    difference: Difference, alpha: float, optimal_units: int
) -> None:
    interval = sequence.confidence_sequence(difference, alpha=alpha, optimal_units=optimal_units)

    assert isinstance(interval, Interval)
    # Mills: two tails of the normal past z weigh at most 2 phi(z) / z.
    z = (interval.upper - difference.effect) / difference.standard_error
    assert 2.0 * math.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi) / z < alpha


@given(alphas, optima)
def test_no_other_tuning_is_tighter_at_the_optimum(alpha: float, optimal_units: int) -> None:
    best = sequence.rho_squared(alpha=alpha, optimal_units=optimal_units)

    def width(rho2: float) -> float:
        return sequence.half_width(variance=1.0, count=optimal_units, alpha=alpha, rho_squared=rho2)

    assert width(best) <= min(width(best * 0.98), width(best * 1.02))


def test_the_tuning_agrees_with_the_authors_own_program() -> None:
    # drconfseq's best_rho2_exact and std_conjmix_margin, R 4.2.2
    tuned = sequence.rho_squared(alpha=0.05, optimal_units=5_000)
    radius = sequence.half_width(
        variance=1.0, count=1_000, alpha=0.05, rho_squared=0.0405264557099884**2
    )

    assert tuned == pytest.approx(0.00164239361241365, abs=1e-14)
    assert radius == pytest.approx(0.105843209023968, abs=1e-12)


def test_values_that_do_not_vary_give_no_decision() -> None:
    constant = Difference(1.0, 0.0, 100)

    interval = sequence.confidence_sequence(constant, alpha=0.05, optimal_units=5_000)
    p = sequence.always_valid_p(constant, alpha=0.05, optimal_units=5_000)

    assert interval == p == Undefined("the values of the units do not vary")


@pytest.mark.parametrize("alpha", [0.0, -0.05, 0.51, 1e-101, math.nan])
def test_an_error_rate_out_of_range_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        sequence.rho_squared(alpha=alpha, optimal_units=5_000)


def test_an_optimum_of_no_units_is_refused() -> None:
    with pytest.raises(ValueError, match="optimal_units"):
        sequence.rho_squared(alpha=0.05, optimal_units=0)


@pytest.mark.parametrize("alpha", [sequence.MIN_ALPHA, sequence.MAX_ALPHA])
def test_the_ends_of_the_range_have_a_tuning(alpha: float) -> None:
    assert 0.0 < sequence.rho_squared(alpha=alpha, optimal_units=10**9) < 1.0


def test_an_overwhelming_effect_has_p_zero_and_no_overflow() -> None:
    difference = Difference(1e150, 1e-150, 1_000)

    assert sequence.always_valid_p(difference, alpha=0.05, optimal_units=5_000) == 0.0
