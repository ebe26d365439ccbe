"""A quantile and its bounds out of a few order statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from experiment_svc.stats import quantile
from experiment_svc.stats.quantile import BOUNDS_ALPHA, TOO_FEW, QuantileBounds
from experiment_svc.stats.undefined import Undefined


def needed(count: int, *, level: float) -> list[int]:
    """Ranks, from 1, of the values that `bounds` asks for; empty if they are too few."""
    between = quantile.ranks(count, quantile=level, alpha=BOUNDS_ALPHA)
    if between.lower is None or between.upper is None:
        return []
    position = 1.0 + level * (count - 1)
    return sorted({between.lower, between.upper, math.floor(position), math.ceil(position)})


def bounds(count: int, values: Mapping[int, float], *, level: float) -> QuantileBounds | Undefined:
    """The quantile of an arm, as `QuantileBounds.of` of all its values.

    Args:
        count: values, at least 1.
        values: by rank, from 1; at least those that are `needed`.
    """
    between = quantile.ranks(count, quantile=level, alpha=BOUNDS_ALPHA)
    if between.lower is None or between.upper is None:
        return TOO_FEW
    position = 1.0 + level * (count - 1)
    below, above = values[math.floor(position)], values[math.ceil(position)]
    return QuantileBounds(
        count=count,
        bounds_count=count,
        level=level,
        estimate=below + (above - below) * (position - math.floor(position)),
        lower=values[between.lower],
        upper=values[between.upper],
    )
