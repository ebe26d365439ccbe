"""The plan by which the champion, or another version, answers for a candidate that fails.

Each attempt of a request has a version: first the arm's, on one replica and then
on another, as a replica may have died; then the other's. The cluster of an
attempt comes from a composite cluster, its version from the plan, by pin.lua.
"""

from __future__ import annotations

from mesh import destinations, names, table
from mesh.names import Wire

_GRPC_STATUSES = "unavailable,internal,resource-exhausted,deadline-exceeded"
RETRIED_GRPC_STATUSES = (2, 5, 15)
"""UNKNOWN, NOT_FOUND, DATA_LOSS: what Envoy has no word for in `retry_on`."""

_HTTP_STATUSES = "404,429,500,502,503,504"


def is_prepared(route: table.ModelRoute, split: table.Split, arm: str) -> bool:
    """Whether there is a cluster for it; also while `arm` is killed: a kill waits for none.

    Not for the control, which is the champion, nor for an arm that runs the version
    that would answer; and not in a shift, where nothing would count the failure.
    """
    return (
        split.fallback is not None
        and split.experiment != ""
        and arm != split.control
        and split.versions[arm] != (split.fallback.version or route.champion)
    )


def applies(route: table.ModelRoute, split: table.Split, arm: str) -> bool:
    """Whether another version answers where `arm` fails; where it is killed it does anyway."""
    return (
        is_prepared(route, split, arm)
        and split.versions[arm] not in route.killed
        and split.versions[arm] != answers(route, split)
    )


def answers(route: table.ModelRoute, split: table.Split) -> int:
    """The version that answers for a failed candidate; not a killed one."""
    named = split.fallback.version if split.fallback is not None else None
    return route.unkilled(named or route.champion)


def plan(route: table.ModelRoute, split: table.Split, arm: str) -> str:
    """The version of each attempt, as pin.lua reads it."""
    versions = [split.versions[arm]] * destinations.arm_attempts(route)
    return ",".join(map(str, [*versions, answers(route, split)]))


def clusters(route: table.ModelRoute, split: table.Split, arm: str, wire: Wire) -> list[str]:
    """The cluster of each attempt."""
    candidate = destinations.arm(route, split, arm, wire)
    pool = names.pool_cluster(route.pool, wire)
    return [candidate] * destinations.arm_attempts(route) + [pool]


def retry_headers(route: table.ModelRoute, fallback: table.Fallback, wire: Wire) -> dict[str, str]:
    """Headers that make Envoy try again after what a candidate may do wrong.

    Headers, because the arms of a split share one route and its retry policy, and
    the control shall not be tried again for what only a candidate is helped with.
    """
    headers = {names.ATTEMPT_TIMEOUT_HEADER: str(fallback.attempt_timeout_ms)}
    if route.handling.retries.number == 0:
        headers["x-envoy-max-retries"] = "1"
    if names.is_grpc(wire):
        headers["x-envoy-retry-grpc-on"] = _GRPC_STATUSES
        headers["x-envoy-retry-on"] = "retriable-headers"
    else:
        headers["x-envoy-retry-on"] = "retriable-status-codes"
        headers["x-envoy-retriable-status-codes"] = _HTTP_STATUSES
    return headers
