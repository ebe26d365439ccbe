"""Shares of units: how many of them had an event. Tests for one look."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiment_svc.stats import distributions, fixed
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import Alternative, FixedTest
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

NO_UNITS = Undefined("no units in an arm")


@dataclass(frozen=True, slots=True)
class Proportion:
    """Units of an arm, and those with the event.

    Attributes:
        count: units, at least 0.
        successes: units with the event, 0 to `count`.
    """

    count: int = 0
    successes: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.count:
            raise ValueError(f"successes must be 0 to the units: {self}")

    def __add__(self, other: Proportion) -> Proportion:
        return Proportion(self.count + other.count, self.successes + other.successes)

    @property
    def rate(self) -> float | None:
        """The share, 0 to 1; None without units."""
        return self.successes / self.count if self.count else None

    @property
    def moments(self) -> Moments:
        """As values of 0 and 1 whose variance is `p (1 - p)`, that of a coin.

        >>> Proportion(4, 2).moments
        Moments(count=4, mean=0.5, m2=0.75)
        """
        if not self.count:
            return Moments()
        share = self.successes / self.count
        spread = share * (self.count - self.successes) / self.count
        return Moments(self.count, share, (self.count - 1) * spread)


def pooled_z(control: Proportion, treatment: Proportion) -> FixedTest | Undefined:
    """Tests that both shares are the same, with the variance that they then have.

    `z = d / sqrt(p (1 - p) (1 / n_c + 1 / n_t))` with p of both arms together; its
    square is Pearson's chi-square of the 2 x 2 table. The interval around such a z
    would hold for equal shares only, so this one is without ends; see `wald`,
    `proportion_intervals.newcombe` and `miettinen_nurminen`.

    Returns:
        `Undefined` without units in an arm, or if all units or none had the event.

    >>> round(pooled_z(Proportion(100, 10), Proportion(100, 20)).statistic, 6)
    1.980295
    """
    rates = _rates(control, treatment)
    if isinstance(rates, Undefined):
        return rates
    both = control + treatment
    share = both.successes / both.count
    spread = share * (both.count - both.successes) / both.count
    error = math.sqrt(spread * (1.0 / control.count + 1.0 / treatment.count))
    if error == 0.0:
        return Undefined("all units had the event, or none")
    z = (rates[1] - rates[0]) / error
    return FixedTest(
        effect=rates[1] - rates[0],
        standard_error=error,
        lower=-math.inf,
        upper=math.inf,
        statistic=z,
        degrees=math.inf,
        p_value=2.0 * distributions.below(-abs(z)),
    )


def wald(
    control: Proportion,
    treatment: Proportion,
    *,
    alpha: float,
    alternative: Alternative = Alternative.TWO_SIDED,
    null: float = 0.0,
) -> FixedTest | Undefined:
    """Tests the difference of the shares, each arm with its own `p (1 - p) / n`.

    Too sure of itself with few events; for intervals prefer Newcombe's.

    Args:
        alpha: error rate, over 0 and under 1.
        null: difference under test, -1 to 1.

    Returns:
        `Undefined` without units in an arm, or if neither share lies between 0 and 1.

    Raises:
        ValueError: if `alpha` is out of range.
    """
    fixed.check_alpha(alpha)
    rates = _rates(control, treatment)
    if isinstance(rates, Undefined):
        return rates
    error = math.sqrt(
        rates[0] * (1.0 - rates[0]) / control.count + rates[1] * (1.0 - rates[1]) / treatment.count
    )
    measured = Difference(rates[1] - rates[0], error, control.count + treatment.count)
    return fixed.judge(measured, alpha=alpha, alternative=alternative, null=null)


def non_inferiority(
    control: Proportion, treatment: Proportion, *, margin: float, alpha: float
) -> FixedTest | Undefined:
    """Tests that the treatment is worse by the margin or more, by `wald`.

    Args:
        margin: the difference that is just too bad: negative for a share that should
            be high, positive for one that should be low; -1 to 1.
        alpha: error rate, all on one side, over 0 and under 1.

    Returns:
        A low p-value says non-inferior. `Undefined` as `wald`.

    Raises:
        ValueError: if `margin` or `alpha` is out of range.
    """
    if not -1.0 <= margin <= 1.0:
        raise ValueError(f"margin must be -1 to 1, not {margin}")
    side = Alternative.GREATER if margin <= 0.0 else Alternative.LESS
    return wald(control, treatment, alpha=alpha, alternative=side, null=margin)


def _rates(control: Proportion, treatment: Proportion) -> tuple[float, float] | Undefined:
    control_rate, treatment_rate = control.rate, treatment.rate
    if control_rate is None or treatment_rate is None:
        return NO_UNITS
    return control_rate, treatment_rate
