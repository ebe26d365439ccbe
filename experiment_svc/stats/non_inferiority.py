"""Whether a change is at worst a little worse: by less than a margin.

The margin is agreed before the start. For a metric that should be high the null
hypothesis is `effect <= -margin`, for one that should be low `effect >= margin`.
"""

from __future__ import annotations

import enum

from experiment_svc.stats import difference, fixed
from experiment_svc.stats.fixed import Alternative, FixedTest
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined


class Direction(enum.StrEnum):
    """Where the metric should go."""

    INCREASE = "increase"
    DECREASE = "decrease"


class Standing(enum.StrEnum):
    """Where an interval lies against the margin."""

    NON_INFERIOR = "non-inferior"
    UNDECIDED = "undecided"
    INFERIOR = "inferior"


def null_effect(baseline: float, *, margin: float, direction: Direction) -> float:
    """The effect that is just too bad: `margin |baseline|` the wrong way.

    Args:
        baseline: the control's mean, in the metric's unit.
        margin: a fraction of it, at least 0.

    Raises:
        ValueError: if `margin` is negative.

    >>> null_effect(50.0, margin=0.02, direction=Direction.INCREASE)
    -1.0
    """
    if not margin >= 0.0:
        raise ValueError(f"margin must not be negative: {margin}")
    size = margin * abs(baseline)
    return -size if direction is Direction.INCREASE else size


def z_test(
    control: Moments, treatment: Moments, *, margin: float, direction: Direction, alpha: float
) -> FixedTest | Undefined:
    """Tests that the treatment is worse by the margin or more, at one look.

    The margin in the metric's unit follows from the control's mean, which is taken as
    exact.

    Args:
        margin: a fraction of the control's mean, at least 0.
        alpha: error rate, all on one side, over 0 and under 1.

    Returns:
        The interval is one-sided, away from harm; a low p-value says non-inferior.
        `Undefined` with fewer than two values in an arm, or if no value varies.

    Raises:
        ValueError: if `margin` or `alpha` is out of range.
    """
    fixed.check_alpha(alpha)
    null = null_effect(control.mean, margin=margin, direction=direction)
    measured = difference.plain(control, treatment)
    if isinstance(measured, Undefined):
        return measured
    side = Alternative.GREATER if direction is Direction.INCREASE else Alternative.LESS
    return fixed.judge(measured, alpha=alpha, alternative=side, null=null)


def standing(interval: Interval, *, null: float, direction: Direction) -> Standing:
    """Where the interval of the effect lies against the margin.

    With a confidence sequence (`sequence`) this may be asked at every look: whatever
    it ever answers but `UNDECIDED` is wrong with probability at most the sequence's alpha.

    Args:
        interval: of the effect, in the metric's unit.
        null: the effect that is just too bad; see `null_effect`.

    >>> standing(Interval(-0.5, 2.0), null=-1.0, direction=Direction.INCREASE)
    <Standing.NON_INFERIOR: 'non-inferior'>
    """
    increase = direction is Direction.INCREASE
    if interval.lower > null if increase else interval.upper < null:
        return Standing.NON_INFERIOR
    if interval.upper < null if increase else interval.lower > null:
        return Standing.INFERIOR
    return Standing.UNDECIDED
