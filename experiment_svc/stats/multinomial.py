"""Sequential test that units fall into the arms as the weights say.

Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS
2022 (arXiv:2011.03567). The e-value is the Bayes factor of a Dirichlet prior
around the expected shares against the shares themselves; under the expected
shares it is a martingale that starts at 1, so that it ever reaches 1 / alpha has
probability at most alpha (Ville). That is exact, not asymptotic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SAMPLE_RATIO_CONCENTRATION = 100.0
"""`k` for sample ratios: quick to see a gross mismatch."""

RARE_EVENT_CONCENTRATION = 20.0
"""`k` for errors and other rare events: quick to see a rate that has multiplied."""


def log_e_value(
    counts: Sequence[int], theta: Sequence[float], *, k: float = SAMPLE_RATIO_CONCENTRATION
) -> float:
    """Natural logarithm of the evidence against the shares `theta`.

    `ln B(k theta + n) - ln B(k theta) - sum n_i ln theta_i`, with the
    multivariate beta function B.

    Args:
        counts: independent events (units, not requests of units) by arm.
        theta: expected share of each arm, 0 to 1, summing to 1. An arm with
            share 0 is left out; a count on it contradicts `theta` outright.
        k: concentration of the prior, positive.

    Returns:
        0 without counts; infinite if an arm with share 0 has a count.

    Raises:
        ValueError: if lengths differ, a count or share is negative, shares do
            not sum to 1 within 1e-9, or `k` is not positive.

    >>> round(log_e_value([60, 40], [0.5, 0.5]), 6)
    0.658892
    """
    _check(counts, theta, k)
    if any(count and not share for count, share in zip(counts, theta, strict=True)):
        return math.inf
    total = math.lgamma(k) - math.lgamma(k + sum(counts))
    for count, share in zip(counts, theta, strict=True):
        if count:
            total += math.lgamma(k * share + count) - math.lgamma(k * share)
            total -= count * math.log(share)
    return total


def combined_log_e_value(
    phases: Iterable[tuple[Sequence[int], Sequence[float]]],
    *,
    k: float = SAMPLE_RATIO_CONCENTRATION,
) -> float:
    """Evidence over allocation phases, each against its own shares.

    The product of e-values, each of them a martingale given the phases before
    it, is a martingale again, even where the shares follow from earlier counts.

    Args:
        phases: (counts, theta) per phase, as for `log_e_value`.
        k: concentration of the prior, positive.

    Raises:
        ValueError: as `log_e_value`.
    """
    return sum(log_e_value(counts, theta, k=k) for counts, theta in phases)


def sequential_p(log_e: float) -> float:
    """Always-valid p-value of an e-value: `min(1, 1 / e)`.

    The smallest of all looks so far is valid too.

    >>> sequential_p(0.0), sequential_p(math.inf)
    (1.0, 0.0)
    """
    return math.exp(min(0.0, -log_e))


@dataclass(frozen=True, slots=True)
class Look:
    """What the test says at one look.

    Attributes:
        log_e: natural logarithm of the evidence so far.
        inverse_e: 1 / e, positive or 0; infinite where that does not fit a float.
        p_value: the smallest always-valid p-value of this and all earlier looks.
    """

    log_e: float
    inverse_e: float
    p_value: float


def looks(
    increments: Iterable[Sequence[int]],
    theta: Sequence[float],
    *,
    k: float = SAMPLE_RATIO_CONCENTRATION,
) -> list[Look]:
    """The test after each batch of counts.

    Args:
        increments: new counts by arm, of each batch.
        theta: expected shares, as for `log_e_value`.
        k: concentration of the prior, positive.

    Raises:
        ValueError: as `log_e_value`.

    >>> [round(look.p_value, 4) for look in looks([[60, 40], [50, 50]], [0.5, 0.5])]
    [0.5174, 0.5174]
    """
    total: Sequence[int] = [0] * len(theta)
    p_value = 1.0
    found = []
    for batch in increments:
        total = [have + new for have, new in zip(total, batch, strict=True)]
        log_e = log_e_value(total, theta, k=k)
        p_value = min(p_value, sequential_p(log_e))
        found.append(Look(log_e, math.exp(-log_e) if log_e > -709.0 else math.inf, p_value))
    return found


def _check(counts: Sequence[int], theta: Sequence[float], k: float) -> None:
    if len(counts) != len(theta):
        raise ValueError(f"{len(counts)} counts for {len(theta)} shares")
    if any(count < 0 for count in counts) or any(not 0.0 <= share <= 1.0 for share in theta):
        raise ValueError("counts must not be negative and shares must be 0 to 1")
    if not math.isclose(math.fsum(theta), 1.0, rel_tol=0.0, abs_tol=1e-9):
        raise ValueError(f"shares sum to {math.fsum(theta)}, not 1")
    if not 0.0 < k < math.inf:
        raise ValueError(f"k must be positive, not {k}")
