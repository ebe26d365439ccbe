from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import difference
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.phases import Phase, combine, counted
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies

EMPTY = Moments()
ONE = Moments.of([5.0])


@given(strategies.phases)
def test_one_phase_is_the_difference_of_its_arms(phase: Phase) -> None:
    combined, alone = combine([phase]), difference.cautious(*phase)

    assert isinstance(combined, Difference)
    assert isinstance(alone, Difference)
    assert combined.effect == pytest.approx(alone.effect)
    assert combined.standard_error == pytest.approx(alone.standard_error)
    assert combined.count == alone.count


@given(st.lists(strategies.phases, min_size=1, max_size=6))
def test_phases_are_weighted_by_their_units(phases: list[Phase]) -> None:
    units = np.array([control.count + treatment.count for control, treatment in phases])
    within = [difference.cautious(*phase) for phase in phases]
    effects = np.array([one.effect for one in within if isinstance(one, Difference)])
    errors = np.array([one.standard_error for one in within if isinstance(one, Difference)])

    combined = combine(phases)

    assert isinstance(combined, Difference)
    assert combined.count == units.sum()
    assert combined.effect == pytest.approx(
        (units * effects).sum() / units.sum(), rel=1e-9, abs=1e-9
    )
    per_unit = (units**2 * errors**2).sum() / units.sum()
    assert combined.count * combined.standard_error**2 == pytest.approx(
        per_unit, rel=1e-9, abs=1e-9
    )


@given(st.lists(strategies.phases, min_size=1, max_size=6))
def test_the_order_of_the_phases_does_not_matter(phases: list[Phase]) -> None:
    forth, back = combine(phases), combine(phases[::-1])

    assert isinstance(forth, Difference)
    assert isinstance(back, Difference)
    assert forth.effect == pytest.approx(back.effect, rel=1e-9, abs=1e-9)
    assert forth.standard_error == pytest.approx(back.standard_error)


@pytest.mark.parametrize(
    "phase",
    [(EMPTY, EMPTY), (Moments.of([1.0, 2.0]), EMPTY), (Moments.of([1.0, 2.0]), ONE), (ONE, ONE)],
    ids=["nobody came", "one arm only", "one unit in an arm", "one unit in each"],
)
def test_a_phase_that_says_nothing_is_left_out(phase: Phase) -> None:
    says_something = (Moments.of([1.0, 3.0]), Moments.of([2.0, 6.0]))

    assert combine([phase, says_something]) == combine([says_something])
    assert counted([phase, says_something]) == [says_something]


@pytest.mark.parametrize("phases", [[], [(EMPTY, EMPTY)], [(ONE, ONE), (ONE, ONE)]])
def test_without_a_phase_that_counts_there_is_no_difference(phases: list[Phase]) -> None:
    found = combine(phases)

    assert isinstance(found, Undefined)
    assert "no phase has 2 units" in found.reason


def test_a_phase_with_values_past_computing_spoils_the_difference() -> None:
    fine = (Moments.of([1.0, 3.0]), Moments.of([2.0, 6.0]))
    spoilt = (Moments.of([1e300, -1e300]), Moments.of([2.0, 6.0]))

    assert combine([fine, spoilt]) == difference.TOO_LARGE


def test_a_drift_of_the_baseline_does_not_bias_a_ramp_though_it_biases_pooled_means() -> None:
    before = (Moments.of([0.0, 1.0] * 450), Moments.of([0.0, 1.0] * 50))
    after = (Moments.of([10.0, 11.0] * 250), Moments.of([10.0, 11.0] * 250))

    combined = combine([before, after])
    pooled = (before[1] + after[1]).mean - (before[0] + after[0]).mean

    assert isinstance(combined, Difference)
    assert combined.effect == 0.0
    assert pooled > 4.0


def test_an_effect_that_differs_by_phase_is_averaged_over_units() -> None:
    first = (Moments.of([0.0, 2.0] * 50), Moments.of([1.0, 3.0] * 50))
    second = (Moments.of([0.0, 2.0] * 150), Moments.of([5.0, 7.0] * 150))

    combined = combine([first, second])

    assert isinstance(combined, Difference)
    assert combined.effect == pytest.approx(0.25 * 1.0 + 0.75 * 5.0)
    assert math.isfinite(combined.standard_error)
