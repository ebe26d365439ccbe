"""Relative effect, for display: decisions rest on the absolute difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiment_svc.stats.phases import Phase, combine, counted
from experiment_svc.stats.undefined import Undefined


def lift(phases: Sequence[Phase]) -> float | Undefined:
    """Effect over the magnitude of the control's mean, both combined over phases.

    The control's mean takes the weights that the effect has (`combine`), so the
    two are of the same units.

    Args:
        phases: (control, treatment) per allocation phase.

    Returns:
        `Undefined` if the effect is, or if the control's mean is 0.

    >>> from experiment_svc.stats.moments import Moments
    >>> lift([(Moments.of([1.0, 3.0]), Moments.of([2.0, 6.0]))])
    1.0
    """
    difference = combine(phases)
    if isinstance(difference, Undefined):
        return difference
    control_mean = sum(
        (control.count + treatment.count) / difference.count * control.mean
        for control, treatment in counted(phases)
    )
    if control_mean == 0.0:
        return Undefined("the control's mean is 0")
    ratio = difference.effect / abs(control_mean)
    return ratio if math.isfinite(ratio) else Undefined("the control's mean is too close to 0")
