from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from experiment_svc.stats import cuped, phases, ratio, standardised
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.undefined import Undefined


def difference(
    pairs: list[tuple[JointMoments, JointMoments]], *, ratio: bool = False, covariate: bool = False
) -> Difference:
    found = standardised.means(pairs, ratio=ratio, covariate=covariate)
    assert not isinstance(found, Undefined)
    combined = phases.combine(found)
    assert isinstance(combined, Difference)
    return combined


def rows(seed: int, count: int, size: int) -> npt.NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    return generator.gamma(2.0, 1.0, (count, size)) @ (np.eye(size) + 0.4)


def test_with_one_phase_a_ratio_is_the_delta_methods() -> None:
    control, treatment = rows(1, 300, 2), rows(2, 400, 2) * np.array([1.2, 1.0])
    pair = (JointMoments.of(control), JointMoments.of(treatment))

    found = standardised.means([pair], ratio=True, covariate=False)

    assert not isinstance(found, Undefined)
    for arm, linear in zip(pair, found[0], strict=True):
        expected = ratio.linearised(arm)
        assert not isinstance(expected, Undefined)
        assert linear.mean == pytest.approx(expected.mean, rel=1e-12)
        assert linear.m2 == pytest.approx(expected.m2, rel=1e-12)


def test_the_combined_effect_is_the_difference_of_the_standardised_ratios() -> None:
    cells = [
        (rows(seed, 200 + seed, 2), rows(seed + 9, 90, 2) * np.array([1.1, 0.9]))
        for seed in (1, 2, 3)
    ]
    total = sum(len(c) + len(t) for c, t in cells)
    share = [(len(c) + len(t)) / total for c, t in cells]

    found = difference([(JointMoments.of(c), JointMoments.of(t)) for c, t in cells], ratio=True)

    ratios = []
    for arm in (0, 1):
        means = sum(w * cell[arm].mean(axis=0) for w, cell in zip(share, cells, strict=True))
        ratios.append(means[0] / means[1])
    assert found.effect == pytest.approx(ratios[1] - ratios[0], rel=1e-12)


def test_a_drift_of_the_ratio_between_phases_is_no_effect() -> None:
    """Early 90 units in 100 are control's, late 10 in 100; the ratio goes from 1 to 3."""
    early = [[1.0, 1.0], [3.0, 3.0]]
    late = [[6.0, 2.0], [12.0, 4.0]]
    pairs = [
        (JointMoments.of(early * 45), JointMoments.of(early * 5)),
        (JointMoments.of(late * 5), JointMoments.of(late * 45)),
    ]

    assert difference(pairs, ratio=True).effect == pytest.approx(0.0, abs=1e-12)


def test_with_one_phase_the_adjustment_is_ancova_within_arms() -> None:
    """Least squares of the outcome on arm and covariate gives the same effect."""
    control, treatment = rows(3, 500, 2), rows(4, 500, 2) + np.array([0.3, 0.0])
    y = np.concatenate([control[:, 0], treatment[:, 0]])
    design = np.column_stack(
        [
            np.ones(1_000),
            np.repeat([0.0, 1.0], 500),
            np.concatenate([control[:, 1], treatment[:, 1]]),
        ]
    )
    expected = np.linalg.lstsq(design, y, rcond=None)[0][1]

    found = difference([(JointMoments.of(control), JointMoments.of(treatment))], covariate=True)

    assert found.effect == pytest.approx(expected, rel=1e-9)


def test_the_adjustment_takes_out_what_the_covariate_explains() -> None:
    generator = np.random.default_rng(5)
    x = generator.normal(0.0, 1.0, 20_000)
    y = 0.8 * x + generator.normal(0.0, 0.6, 20_000)
    cells = [
        JointMoments.of(np.column_stack([y[half], x[half]]))
        for half in np.split(np.arange(20_000), 2)
    ]

    plain = difference([(JointMoments.of(y[:10_000, None]), JointMoments.of(y[10_000:, None]))])
    adjusted = difference([(cells[0], cells[1])], covariate=True)
    both = cuped.means(cells)

    assert (adjusted.standard_error / plain.standard_error) ** 2 == pytest.approx(0.36, abs=0.02)
    assert not isinstance(both, Undefined)
    assert adjusted.effect == pytest.approx(both.arms[1].mean - both.arms[0].mean, rel=1e-3)


def test_a_ratio_may_be_adjusted_too() -> None:
    cells = [JointMoments.of(rows(seed, 4_000, 4)) for seed in (6, 7)]

    found = difference([(cells[0], cells[1])], ratio=True, covariate=True)

    expected = cuped.ratios(cells)
    assert not isinstance(expected, Undefined)
    effect = expected.arms[1].mean - expected.arms[0].mean
    assert found.effect == pytest.approx(effect, rel=1e-3)
    error = math.hypot(*(math.sqrt(arm.m2 / arm.count**2) for arm in expected.arms))
    assert found.standard_error == pytest.approx(error, rel=1e-2)


def test_a_covariate_that_does_not_vary_changes_nothing() -> None:
    values = rows(8, 100, 1)
    flat = JointMoments.of(np.column_stack([values, np.ones(100)]))
    plain = JointMoments.of(values)

    assert difference([(flat, flat)], covariate=True) == difference([(plain, plain)])


def test_phases_without_two_units_in_an_arm_are_left_out() -> None:
    full = JointMoments.of(rows(9, 10, 2))
    one = JointMoments.of(rows(9, 1, 2))

    assert standardised.means([(full, one)], ratio=True, covariate=False) == []


def test_denominators_of_0_are_undefined() -> None:
    flat = JointMoments.of([[1.0, 0.0], [2.0, 0.0]])

    assert isinstance(standardised.means([(flat, flat)], ratio=True, covariate=False), Undefined)


def test_other_numbers_of_values_are_refused() -> None:
    arm = JointMoments.of([[1.0], [2.0]])

    with pytest.raises(ValueError, match="4 values"):
        standardised.means([(arm, arm)], ratio=True, covariate=True)
