"""The posterior of an effect, for display: it decides nothing.

The estimate is taken as normal, the prior is normal, so the posterior is; the formulas
for chance and risk are those of a normal variable. A posterior that is looked at until
it pleases is no more valid than a p-value that is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiment_svc.stats import distributions, fixed
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import NO_SPREAD
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined


@dataclass(frozen=True, slots=True)
class Prior:
    """What was believed of the effect beforehand, in the effect's unit.

    Attributes:
        mean: finite.
        variance: positive, finite.
    """

    mean: float
    variance: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and 0.0 < self.variance < math.inf):
            raise ValueError(f"a prior has a finite mean and a positive variance: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """What is believed of the effect, in the effect's unit.

    Attributes:
        mean: expected effect.
        deviation: standard deviation, positive.
        credible: central interval of probability 1 - alpha.
        chance_to_win: probability that the effect is over 0.
        risk_treatment: expected loss by choosing the treatment: `E max(0, -effect)`.
        risk_control: expected loss by keeping the control: `E max(0, effect)`.
    """

    mean: float
    deviation: float
    credible: Interval
    chance_to_win: float
    risk_treatment: float
    risk_control: float


def posterior(
    measured: Difference, *, alpha: float, prior: Prior | None = None
) -> Posterior | Undefined:
    """Posterior of a normal mean with known variance (Gelman et al., BDA 3, section 2.5).

    Args:
        measured: the effect, absolute or relative (`relative.taylor`).
        alpha: 1 minus the probability of the interval, over 0 and under 1.
        prior: in the same unit; None for a flat one.

    Returns:
        `Undefined` if the values do not vary.

    Raises:
        ValueError: if `alpha` is out of range.

    >>> found = posterior(Difference(1.0, 1.0, 100), alpha=0.05, prior=Prior(0.0, 1.0))
    >>> round(found.mean, 6), round(found.deviation, 6), round(found.chance_to_win, 6)
    (0.5, 0.707107, 0.76025)
    """
    fixed.check_alpha(alpha)
    if measured.standard_error == 0.0:
        return NO_SPREAD
    mean, deviation = measured.effect, measured.standard_error
    if prior is not None:
        # weights by the share of the prior's variance, so that no precision overflows
        spread = math.hypot(deviation, math.sqrt(prior.variance))
        weight = prior.variance / spread / spread
        mean = prior.mean + weight * (measured.effect - prior.mean)
        deviation = deviation * math.sqrt(weight)
    reach = -distributions.quantile(alpha / 2.0) * deviation
    return Posterior(
        mean=mean,
        deviation=deviation,
        credible=Interval(mean - reach, mean + reach),
        chance_to_win=distributions.below(mean / deviation),
        risk_treatment=_expected_excess(-mean, deviation),
        risk_control=_expected_excess(mean, deviation),
    )


def _expected_excess(mean: float, deviation: float) -> float:
    """`E max(0, X)` of a normal X: `s phi(m / s) + m Phi(m / s)`, never negative."""
    z = mean / deviation
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return max(0.0, deviation * density + mean * distributions.below(z))
