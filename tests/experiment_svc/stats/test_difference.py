from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given

from experiment_svc.stats import difference
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import strategies


def test_two_samples_of_the_nist_handbook_differ_as_it_says() -> None:
    # AUTO83B.DAT, 1.3.5.3: t = 12.94627 with unequal variances.
    american = Moments(249, 20.14458, 248 * 6.4147**2)
    japanese = Moments(79, 30.48101, 78 * 6.10771**2)

    found = difference.plain(american, japanese)

    assert isinstance(found, Difference)
    assert found.effect / found.standard_error == pytest.approx(12.94627, abs=0.002)
    assert found.count == 328


@given(strategies.arms, strategies.arms)
def test_caution_never_changes_the_effect_and_never_makes_it_surer(
    control: Moments, treatment: Moments
) -> None:
    plain = difference.plain(control, treatment)
    cautious = difference.cautious(control, treatment)

    assert isinstance(plain, Difference)
    assert isinstance(cautious, Difference)
    assert cautious.effect == plain.effect
    assert cautious.standard_error >= plain.standard_error


@given(strategies.arms, strategies.arms)
def test_exchanging_the_arms_turns_the_effect_round(control: Moments, treatment: Moments) -> None:
    forth = difference.cautious(control, treatment)
    back = difference.cautious(treatment, control)

    assert isinstance(forth, Difference)
    assert isinstance(back, Difference)
    assert forth.effect == -back.effect
    assert forth.standard_error == pytest.approx(back.standard_error)


def test_a_small_arm_without_events_is_as_unsure_as_the_large_one_suggests() -> None:
    control = Moments.of([1.0] * 20 + [0.0] * 980)
    treatment = Moments.of([0.0] * 20)

    found = difference.cautious(control, treatment)

    assert isinstance(found, Difference)
    assert found.standard_error == pytest.approx(math.sqrt(0.02 * 0.98 / 20), rel=0.05)


@pytest.mark.parametrize("kind", [difference.plain, difference.cautious])
def test_an_arm_with_one_value_has_no_difference(
    kind: Callable[[Moments, Moments], Difference | Undefined],
) -> None:
    found = kind(Moments.of([1.0]), Moments.of([1.0, 2.0, 3.0]))

    assert isinstance(found, Undefined)
    assert "fewer than 2 units" in found.reason


@pytest.mark.parametrize("kind", [difference.plain, difference.cautious])
def test_values_past_computing_have_no_difference(
    kind: Callable[[Moments, Moments], Difference | Undefined],
) -> None:
    found = kind(Moments.of([1e300, -1e300]), Moments.of([1.0, 2.0]))

    assert found == difference.TOO_LARGE
