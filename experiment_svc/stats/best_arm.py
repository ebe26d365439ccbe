"""How probable it is that each arm is the best one.

Scott, "A modern Bayesian look at the multi-armed bandit", Applied Stochastic Models in
Business and Industry 2010: `P(i is best) = E prod_{j != i} F_j(X_i)`. It is integrated
numerically rather than drawn, so the same facts give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from experiment_svc.stats import distributions
from experiment_svc.stats.distributions import Array

POINTS = 501
"""Points of each arm's distribution; about four digits."""

REACH = 9.0
"""How far into the tails, in normal standard deviations."""


def of_normals(means: Sequence[float], deviations: Sequence[float]) -> list[float]:
    """Of arms whose values are normal in belief.

    Args:
        means: one per arm, finite.
        deviations: standard deviations, positive.

    Returns:
        Probabilities, summing to 1.

    Raises:
        ValueError: if there is no arm, lengths differ, or a value is out of range.

    >>> [round(p, 4) for p in of_normals([0.0, 1.0], [1.0, 1.0])]
    [0.2398, 0.7602]
    """
    if len(means) != len(deviations) or not means:
        raise ValueError(f"{len(means)} means for {len(deviations)} deviations")
    if not all(map(math.isfinite, means)) or not all(0.0 < d < math.inf for d in deviations):
        raise ValueError("means must be finite and deviations positive")
    z = np.linspace(-REACH, REACH, POINTS)
    grids = [mean + deviation * z for mean, deviation in zip(means, deviations, strict=True)]

    def below(arm: int, at: Array) -> Array:
        return distributions.normals_below((at - means[arm]) / deviations[arm])

    return _best(grids, below)


def of_betas(posteriors: Sequence[tuple[float, float]]) -> list[float]:
    """Of arms whose rates are beta distributed in belief.

    Args:
        posteriors: (a, b) per arm, positive; from a flat prior 1 + successes and
            1 + failures.

    Returns:
        Probabilities, summing to 1.

    Raises:
        ValueError: if there is no arm, or a parameter is not positive and finite.

    >>> [round(p, 4) for p in of_betas([(1.0, 1.0), (2.0, 1.0)])]
    [0.3333, 0.6667]
    """
    if not posteriors:
        raise ValueError("there must be an arm")
    if not all(0.0 < a < math.inf and 0.0 < b < math.inf for a, b in posteriors):
        raise ValueError("parameters of a beta distribution must be positive")
    levels = distributions.normals_below(np.linspace(-REACH, REACH, POINTS))
    grids = [distributions.beta_quantiles(levels, a, b) for a, b in posteriors]

    def below(arm: int, at: Array) -> Array:
        return distributions.betas_below(at, *posteriors[arm])

    return _best(grids, below)


def _best(grids: Sequence[Array], below: Callable[[int, Array], Array]) -> list[float]:
    """The Stieltjes integral of each arm over the quantiles of all arms together."""
    at = np.unique(np.concatenate(grids))
    functions = np.stack([below(arm, at) for arm in range(len(grids))])
    found = []
    for arm in range(len(grids)):
        others = np.prod(np.delete(functions, arm, axis=0), axis=0)
        found.append(float((np.diff(functions[arm]) * (others[1:] + others[:-1]) / 2.0).sum()))
    total = math.fsum(found)
    return [one / total for one in found]
