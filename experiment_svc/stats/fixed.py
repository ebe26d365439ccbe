"""Tests for one look, fixed in advance.

They are for reading an experiment that has ended, and for planning. Looked at again
and again they find an effect where there is none in 40 % of experiments instead of
5 %: what decides while an experiment runs is `sequence` and `multinomial`.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from experiment_svc.stats import distributions
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.undefined import Undefined

NO_SPREAD = Undefined("the values of the units do not vary")


class Alternative(enum.StrEnum):
    """What is believed if the null hypothesis is rejected: the effect is ..."""

    TWO_SIDED = "two-sided"
    GREATER = "greater"
    LESS = "less"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTest:
    """An effect, its interval and its p-value.

    Attributes:
        effect: in the metric's unit, or relative, as the function that made it says.
        standard_error: of `effect`, same unit, positive.
        lower: end of the interval at 1 - alpha; minus infinity for `LESS`.
        upper: infinity for `GREATER`.
        statistic: (effect - null) / standard error.
        degrees: degrees of freedom of Student's t; infinite for the normal.
        p_value: 0 to 1.
    """

    effect: float
    standard_error: float
    lower: float
    upper: float
    statistic: float
    degrees: float
    p_value: float

    @property
    def chi_square(self) -> float:
        """The square of the statistic, with one degree of freedom if that is normal."""
        return self.statistic * self.statistic


def judge(
    measured: Difference,
    *,
    alpha: float,
    alternative: Alternative = Alternative.TWO_SIDED,
    null: float = 0.0,
    degrees: float = math.inf,
) -> FixedTest | Undefined:
    """Tests that the true effect is `null`, by Student's t or the normal.

    Args:
        measured: the effect and its standard error.
        alpha: error rate, over 0 and under 1; all of it on one side for `GREATER`
            and `LESS`.
        null: the effect under test, in the unit of the effect.
        degrees: degrees of freedom, positive; infinite for the normal.

    Returns:
        `Undefined` if the values do not vary.

    Raises:
        ValueError: if `alpha` or `degrees` is out of range.

    >>> found = judge(Difference(2.0, 1.0, 400), alpha=0.05)
    >>> round(found.lower, 4), round(found.upper, 4), round(found.p_value, 4)
    (0.04, 3.96, 0.0455)
    """
    check_alpha(alpha)
    if not degrees > 0.0:
        raise ValueError(f"degrees must be positive, not {degrees}")
    if measured.standard_error == 0.0:
        return NO_SPREAD
    statistic = (measured.effect - null) / measured.standard_error
    two_sided = alternative is Alternative.TWO_SIDED
    radius = (
        -distributions.quantile(alpha / 2.0 if two_sided else alpha, degrees)
        * measured.standard_error
    )
    if two_sided:
        p_value = 2.0 * distributions.below(-abs(statistic), degrees)
    else:
        p_value = distributions.below(
            -statistic if alternative is Alternative.GREATER else statistic, degrees
        )
    return FixedTest(
        effect=measured.effect,
        standard_error=measured.standard_error,
        lower=-math.inf if alternative is Alternative.LESS else measured.effect - radius,
        upper=math.inf if alternative is Alternative.GREATER else measured.effect + radius,
        statistic=statistic,
        degrees=degrees,
        p_value=min(1.0, p_value),
    )


def check_alpha(alpha: float) -> None:
    """Raises ValueError unless `alpha` is over 0 and under 1."""
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must be over 0 and under 1, not {alpha}")
