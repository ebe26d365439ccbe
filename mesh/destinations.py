"""Clusters that what a route says leads to, and how many attempts they are made of.

A name never changes its meaning: limits that are not the usual ones, and another
number of attempts, are part of it. So a change of limits is a new cluster, which
is warm before routes lead there.
"""

from __future__ import annotations

from mesh import attempts, names, table
from mesh.names import Wire


def arm(route: table.ModelRoute, split: table.Split, arm_id: str, wire: Wire) -> str:
    """Of an arm that does not run the champion: the pool behind breakers of its own."""
    if split.experiment:
        return names.arm_cluster(split.experiment, arm_id, wire) + _limited(route)
    return names.shift_cluster(route.model, arm_id, wire) + _limited(route)


def selected(route: table.ModelRoute, version: int, wire: Wire) -> str:
    """Of predictions that an override or an audience sends to `version`.

    The champion's are in the pool's, and so are those of a killed version.
    """
    if route.unkilled(version) == route.champion:
        return names.pool_cluster(route.pool, wire)
    return own(route, version, wire)


def own(route: table.ModelRoute, version: int, wire: Wire) -> str:
    """Of a version that overrides or audiences name, whatever it is at present."""
    return names.version_cluster(route.model, version, wire) + _limited(route)


def with_fallback(route: table.ModelRoute, split: table.Split, arm_id: str, wire: Wire) -> str:
    """Of an arm whose failures another version answers for."""
    number = arm_attempts(route)
    suffix = "" if number == attempts.Retries().number else f"/n{number}"
    return names.fallback_cluster(split.experiment, arm_id, wire) + suffix + _limited(route)


def arm_attempts(route: table.ModelRoute) -> int:
    """Replicas that are asked for an arm's version before another version's.

    As many as there are retries, of which the other version's is the last.
    """
    return max(1, route.handling.retries.number)


def _limited(route: table.ModelRoute) -> str:
    limits = route.handling.limits
    return "" if limits == attempts.Limits() else f"/r{limits.requests}-p{limits.pending}"
