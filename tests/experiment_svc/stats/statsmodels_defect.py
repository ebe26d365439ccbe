"""A known error of the program whose answers are the oracles of the score interval.

The oracles named `two_proportion_ci_miettinen_nurminen` were computed by statsmodels
0.14.6. In its cubic for the likeliest share, the linear coefficient has the control's
events where Miettinen and Nurminen have its units (statsmodels issue 10269), so its ends
are off, by 2e-3 with 34 units in an arm. The core is right, which
`test_miettinen_nurminen.py` shows without statsmodels; so that the rest of the method can
still be compared, the comparison is made with the same error on both sides.
"""

from __future__ import annotations

import math

from experiment_svc.stats.proportions import Proportion


def likeliest_share(control: Proportion, treatment: Proportion, gap: float) -> float:
    """The root of statsmodels' cubic, in place of the likeliest share of the control."""
    return _root(control, treatment, gap, control.successes)


def correct_share(control: Proportion, treatment: Proportion, gap: float) -> float:
    """The root of Miettinen and Nurminen's own cubic."""
    return _root(control, treatment, gap, control.count)


def _root(control: Proportion, treatment: Proportion, gap: float, factor: int) -> float:
    both = control + treatment
    cubic = both.count
    square = (treatment.count + 2 * control.count) * gap - both.count - both.successes
    linear = (factor * gap - both.count - 2 * control.successes) * gap + both.successes
    constant = control.successes * gap * (1.0 - gap)
    third = square / (3.0 * cubic)
    q = third**3 - linear * square / (6.0 * cubic**2) + constant / (2.0 * cubic)
    p = math.copysign(math.sqrt(max(0.0, third**2 - linear / (3.0 * cubic))), q)
    angle = math.acos(min(1.0, max(-1.0, q / p**3))) if p else 0.0
    return 2.0 * p * math.cos((math.pi + angle) / 3.0) - third
