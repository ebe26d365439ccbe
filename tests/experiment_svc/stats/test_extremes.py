"""Whatever units send, an answer is a number or says why there is none."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import (
    bayes,
    cuped,
    difference,
    non_inferiority,
    paired,
    phases,
    ratio,
    relative,
    sequence,
    welch,
)
from experiment_svc.stats.cuped import Adjusted
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.non_inferiority import Direction
from experiment_svc.stats.undefined import Undefined

wild = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e300, -1e300, 1e160, 1e-160, 1e-300, 5e-324, 1e15]),
    st.floats(allow_nan=False, allow_infinity=False),
)
arms = st.lists(wild, max_size=6).map(Moments.of)
pairs = st.lists(st.tuples(wild, wild), max_size=6).map(
    lambda rows: JointMoments.of(rows) if rows else JointMoments(0, (0.0, 0.0), ((0.0, 0.0),) * 2)
)
quads = st.lists(st.tuples(wild, wild, wild, wild), min_size=1, max_size=4).map(JointMoments.of)


def is_sound(found: object) -> bool:
    """Neither NaN anywhere inside, nor infinite but for ends, statistics and degrees."""
    if isinstance(found, Undefined):
        return bool(found.reason)
    if isinstance(found, float):
        return not math.isnan(found)
    if dataclasses.is_dataclass(found):
        fields = [getattr(found, field.name) for field in dataclasses.fields(found)]
        return all(is_sound(value) for value in fields)
    return True


MEANS: dict[str, Callable[[Moments, Moments], object]] = {
    "plain": difference.plain,
    "cautious": difference.cautious,
    "phases": lambda c, t: phases.combine([(c, t), (t, c)]),
    "paired": lambda c, _: paired.difference(c),
    "degrees": welch.degrees,
    "absolute": lambda c, t: welch.absolute(c, t, alpha=0.05),
    "taylor": lambda c, t: welch.taylor(c, t, alpha=0.05),
    "logarithmic": lambda c, t: welch.logarithmic(c, t, alpha=0.05),
    "non-inferiority": lambda c, t: non_inferiority.z_test(
        c, t, margin=0.1, direction=Direction.INCREASE, alpha=0.05
    ),
}


@pytest.mark.parametrize("name", MEANS)
@given(arms, arms)
def test_means_give_numbers_or_a_reason(name: str, control: Moments, treatment: Moments) -> None:
    assert is_sound(MEANS[name](control, treatment))


@given(arms, arms)
def test_what_is_measured_has_a_sequence_and_a_posterior_or_a_reason(
    control: Moments, treatment: Moments
) -> None:
    for measured in (difference.cautious(control, treatment), relative.taylor(control, treatment)):
        if not isinstance(measured, Undefined):
            assert is_sound(sequence.confidence_sequence(measured, alpha=0.05, optimal_units=5_000))
            assert is_sound(sequence.always_valid_p(measured, alpha=0.05, optimal_units=5_000))
            assert is_sound(bayes.posterior(measured, alpha=0.05))


@given(pairs, pairs)
def test_ratios_and_adjusted_means_give_numbers_or_a_reason(
    control: JointMoments, treatment: JointMoments
) -> None:
    linear = [ratio.linearised(arm) for arm in (control, treatment)]
    if isinstance(linear[0], Moments) and isinstance(linear[1], Moments):
        assert is_sound(welch.absolute(linear[0], linear[1], alpha=0.05))
    adjusted = cuped.means([control, treatment])
    assert isinstance(adjusted, Undefined | Adjusted)
    if isinstance(adjusted, Adjusted):
        assert is_sound(difference.cautious(*adjusted.arms))
        assert is_sound(relative.taylor_adjusted(control, treatment, theta=adjusted.theta))


@given(quads, quads)
def test_adjusted_ratios_give_numbers_or_a_reason(
    control: JointMoments, treatment: JointMoments
) -> None:
    adjusted = cuped.ratios([control, treatment])

    if isinstance(adjusted, Adjusted):
        assert is_sound(difference.cautious(*adjusted.arms))
