"""The probability distributions that the statistics rest on.

All of them are SciPy's. It is imported at the first use: half a second that the start of
a service need not wait for.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

TAIL = 60.0
"""Exponent at which a density is cut off."""

SPREADS = 4_001
"""Points of the trapezoidal rule."""


def quantile(probability: float, degrees: float = math.inf) -> float:
    """Where Student's t (the normal, for infinite degrees) lies below with `probability`.

    >>> round(quantile(0.025), 6)
    -1.959964
    """
    from scipy import special

    if math.isinf(degrees):
        return float(special.ndtri(probability))
    return float(special.stdtrit(degrees, probability))


def below(value: float, degrees: float = math.inf) -> float:
    """Probability that Student's t (the normal) lies below `value`.

    >>> below(0.0, 5.0)
    0.5
    """
    from scipy import special

    if math.isinf(degrees):
        return float(special.ndtr(value))
    return float(special.stdtr(degrees, value))


def noncentral_beyond(critical: float, degrees: float, shift: float) -> float:
    """Probability that the noncentral t lies over `critical` or under minus it.

    `E[Phi(shift - c S) + Phi(-shift - c S)]` over the estimated deviation S, which is
    chi over the root of its degrees, by the trapezoidal rule in ln S. SciPy's own
    function gives no number in the far tail.

    Args:
        critical: positive.
        degrees: at least 1.

    >>> round(noncentral_beyond(1.959964, 1e9, 2.801585), 6)
    0.800001
    """
    from scipy import special

    reach = math.sqrt(TAIL / degrees)
    log_spread = np.linspace(-reach - TAIL / degrees, reach, SPREADS)
    weights = np.exp(degrees * (log_spread - np.expm1(2.0 * log_spread) / 2.0))
    bounds = critical * np.exp(log_spread)
    beyond = special.ndtr(shift - bounds) + special.ndtr(-shift - bounds)
    return float(weights @ beyond / weights.sum())


def chi_square_above(value: float, degrees: int) -> float:
    """Probability that the chi-square lies above `value`.

    >>> round(chi_square_above(3.841459, 1), 6)
    0.05
    """
    from scipy import special

    return float(special.chdtrc(degrees, value))


def binomial_up_to(successes: int, count: int, share: float) -> float:
    """Probability of at most `successes` among `count`.

    >>> binomial_up_to(1, 2, 0.5)
    0.75
    """
    from scipy import special

    return float(special.bdtr(successes, count, share))


def binomial_over(successes: int, count: int, share: float) -> float:
    """Probability of more than `successes` among `count`, without 1 - p.

    >>> binomial_over(1, 2, 0.5)
    0.25
    """
    from scipy import special

    return float(special.bdtrc(successes, count, share))


def normals_below(values: Array) -> Array:
    """Probability that the normal lies below each of `values`."""
    from scipy import special

    return np.asarray(special.ndtr(values))


def betas_below(values: Array, a: float, b: float) -> Array:
    """Probability that a beta variable lies below each of `values`, 0 to 1."""
    from scipy import special

    return np.asarray(special.betainc(a, b, values))


def beta_quantiles(probabilities: Array, a: float, b: float) -> Array:
    """Where a beta variable lies below with each of `probabilities`."""
    from scipy import special

    return np.asarray(special.betaincinv(a, b, probabilities))
