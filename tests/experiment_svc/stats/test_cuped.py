from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from experiment_svc.stats import cuped, difference, ratio, relative
from experiment_svc.stats.cuped import Adjusted
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies

Rows = npt.NDArray[np.float64]


def adjusted(found: Adjusted | Undefined) -> Adjusted:
    assert isinstance(found, Adjusted)
    return found


def correlated(generator: np.random.Generator, count: int, rho: float, effect: float) -> Rows:
    x = generator.normal(10.0, 2.0, count)
    noise = generator.normal(0.0, 2.0, count)
    return np.column_stack([effect + rho * x + (1.0 - rho**2) ** 0.5 * noise, x])


def test_theta_is_the_slope_of_the_least_squares_line_over_all_arms() -> None:
    generator = np.random.default_rng(1)
    arms = [correlated(generator, count, 0.6, 0.1 * count) for count in (40, 50, 60)]

    found = adjusted(cuped.means([JointMoments.of(arm) for arm in arms]))

    y, x = np.vstack(arms).T
    assert found.theta == pytest.approx(np.polyfit(x, y, 1)[0])


def test_adjusted_arms_are_the_moments_of_the_adjusted_values() -> None:
    generator = np.random.default_rng(2)
    arms = [correlated(generator, count, 0.6, 1.0) for count in (40, 60)]
    overall = np.vstack(arms)[:, 1].mean()

    found = adjusted(cuped.means([JointMoments.of(arm) for arm in arms]))

    for moments, rows in zip(found.arms, arms, strict=True):
        expected = Moments.of(rows[:, 0] - found.theta * (rows[:, 1] - overall))
        assert moments.mean == pytest.approx(expected.mean)
        assert moments.m2 == pytest.approx(expected.m2)


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_the_variance_shrinks_by_the_squared_correlation_without_bias(rho: float) -> None:
    generator = np.random.default_rng(3)
    effects, shrunk = [], []

    for _ in range(300):
        control = JointMoments.of(correlated(generator, 500, rho, 0.0))
        treatment = JointMoments.of(correlated(generator, 500, rho, 0.2))
        found = adjusted(cuped.means([control, treatment]))
        after = difference.plain(*found.arms)
        before = difference.plain(control.moments(0), treatment.moments(0))
        assert isinstance(after, Difference)
        assert isinstance(before, Difference)
        effects.append(after.effect)
        shrunk.append(1.0 - (after.standard_error / before.standard_error) ** 2)

    assert np.mean(shrunk) == pytest.approx(rho**2, abs=0.01)
    assert np.mean(effects) == pytest.approx(0.2, abs=4.0 * np.std(effects) / 300**0.5)


@given(strategies.joint_arms, strategies.joint_arms)
def test_pooled_over_the_arms_the_spread_never_grows(
    control: JointMoments, treatment: JointMoments
) -> None:
    found = adjusted(cuped.means([control, treatment]))

    overall = control + treatment
    before = overall.products[0][0]
    assert overall.combined([1.0, -found.theta]).m2 <= before * (1.0 + 1e-9) + 1e-6


@given(strategies.several_values, strategies.several_values)
def test_a_covariate_that_does_not_vary_changes_nothing(
    control: list[float], treatment: list[float]
) -> None:
    arms = [JointMoments.of([(value, 5.0) for value in arm]) for arm in (control, treatment)]

    found = adjusted(cuped.means(arms))

    assert found.theta == 0.0
    assert found.arms == tuple(arm.moments(0) for arm in arms)


def test_ratios_over_one_are_adjusted_as_means_are() -> None:
    generator = np.random.default_rng(4)
    means, ratios = [], []
    for count in (80, 90):
        rows = correlated(generator, count, 0.7, 0.0)
        ones = np.ones(count)
        means.append(JointMoments.of(rows))
        ratios.append(JointMoments.of(np.column_stack([rows[:, 0], ones, rows[:, 1], ones])))

    by_mean, by_ratio = adjusted(cuped.means(means)), adjusted(cuped.ratios(ratios))

    assert by_ratio.theta == pytest.approx(by_mean.theta)
    for one, other in zip(by_ratio.arms, by_mean.arms, strict=True):
        assert (one.mean, one.m2) == pytest.approx((other.mean, other.m2))


def test_a_ratio_with_a_good_covariate_is_surer_and_its_error_is_honest() -> None:
    generator = np.random.default_rng(5)
    effects, errors, plain_errors = [], [], []

    for _ in range(300):
        arms = []
        for _ in range(2):
            habit = generator.beta(2.0, 5.0, 400)
            before = generator.poisson(8.0, 400) + 1
            after = generator.poisson(8.0, 400) + 1
            columns = [generator.binomial(after, habit), after]
            columns += [generator.binomial(before, habit), before]
            arms.append(JointMoments.of(np.column_stack(columns)))
        found = difference.plain(*adjusted(cuped.ratios(arms)).arms)
        linear = [ratio.linearised_pairs(arm) for arm in arms]
        assert isinstance(found, Difference)
        assert isinstance(linear[0], JointMoments)
        assert isinstance(linear[1], JointMoments)
        plain = difference.plain(linear[0].moments(0), linear[1].moments(0))
        assert isinstance(plain, Difference)
        effects.append(found.effect)
        errors.append(found.standard_error)
        plain_errors.append(plain.standard_error)

    assert np.mean(errors) == pytest.approx(np.std(effects), rel=0.12)
    assert np.mean(errors) < 0.85 * np.mean(plain_errors)
    assert np.mean(effects) == pytest.approx(0.0, abs=4.0 * np.std(effects) / 300**0.5)


def test_the_error_of_an_adjusted_lift_is_honest() -> None:
    generator = np.random.default_rng(6)
    effects, errors = [], []

    for _ in range(400):
        control = JointMoments.of(correlated(generator, 400, 0.7, 1.0))
        treatment = JointMoments.of(correlated(generator, 400, 0.7, 3.0))
        theta = adjusted(cuped.means([control, treatment])).theta
        found = relative.taylor_adjusted(control, treatment, theta=theta)
        assert isinstance(found, Difference)
        effects.append(found.effect)
        errors.append(found.standard_error)

    assert np.mean(effects) == pytest.approx(2.0 / 8.0, abs=float(4.0 * np.std(effects) / 20.0))
    assert np.mean(errors) == pytest.approx(np.std(effects), rel=0.1)


@pytest.mark.parametrize("size", [2, 4])
def test_an_arm_without_units_gives_no_decision(size: int) -> None:
    someone = JointMoments.of(np.arange(1.0, 1.0 + 3 * size).reshape(3, size))
    nobody = JointMoments.of(np.empty((0, size)))
    adjust = cuped.means if size == 2 else cuped.ratios

    assert adjust([someone, nobody]) == adjust([nobody, someone])
    assert isinstance(adjust([someone, nobody]), Undefined)


def test_a_ratio_without_a_denominator_gives_no_decision() -> None:
    arm = JointMoments.of([[1.0, 1.0, 1.0, 0.0], [2.0, 1.0, 1.0, 0.0]])

    assert cuped.ratios([arm, arm]) == ratio.NO_DENOMINATOR


def test_a_lift_over_a_mean_of_zero_is_undefined() -> None:
    zero = JointMoments.of([[-1.0, 1.0], [1.0, 2.0]])

    assert relative.taylor_adjusted(zero, zero, theta=0.5) == relative.NO_BASELINE


def test_arms_with_the_wrong_number_of_values_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values"):
        cuped.means([JointMoments.of([[1.0], [2.0]])])
    with pytest.raises(ValueError, match="4 values"):
        cuped.ratios([])
