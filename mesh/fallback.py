"""The plan by which the champion answers for a candidate that fails.

Each attempt of a request has a version: first the arm's, on one replica and then
on another, as a replica may have died; then the champion's. The cluster of an
attempt comes from a composite cluster, its version from the plan, by pin.lua.
"""

from __future__ import annotations

from mesh import names, table
from mesh.names import Wire

ARM_ATTEMPTS = 2
"""Replicas that are asked for the arm's version before the champion's."""

_GRPC_STATUSES = "unavailable,internal,resource-exhausted,deadline-exceeded"
RETRIED_GRPC_STATUSES = (2, 5, 15)
"""UNKNOWN, NOT_FOUND, DATA_LOSS: what Envoy has no word for in `retry_on`."""

_HTTP_STATUSES = "404,429,500,502,503,504"


def is_prepared(route: table.ModelRoute, split: table.Split, arm: str) -> bool:
    """Whether there is a cluster for it; also while `arm` is killed: a kill waits for none.

    Not for the control, which is the champion, nor for an arm that runs its version;
    and not in a shift, where nothing would count the failure.
    """
    return (
        split.fallback is not None
        and split.experiment != ""
        and arm != split.control
        and split.versions[arm] != route.champion
    )


def applies(route: table.ModelRoute, split: table.Split, arm: str) -> bool:
    """Whether the champion answers where `arm` fails; where it is killed it does anyway."""
    return is_prepared(route, split, arm) and split.versions[arm] not in route.killed


def plan(route: table.ModelRoute, split: table.Split, arm: str) -> str:
    """The version of each attempt, as pin.lua reads it."""
    versions = [split.versions[arm]] * ARM_ATTEMPTS + [route.champion]
    return ",".join(map(str, versions))


def clusters(route: table.ModelRoute, split: table.Split, arm: str, wire: Wire) -> list[str]:
    """The cluster of each attempt."""
    candidate = names.arm_cluster(split.experiment, arm, wire)
    return [candidate] * ARM_ATTEMPTS + [names.pool_cluster(route.pool, wire)]


def retry_headers(fallback: table.Fallback, wire: Wire) -> dict[str, str]:
    """Headers that make Envoy try again after what a candidate may do wrong.

    Headers, because the arms of a split share one route and its retry policy, and
    the control shall not be tried again for what only a candidate is helped with.
    """
    headers = {names.ATTEMPT_TIMEOUT_HEADER: str(fallback.attempt_timeout_ms)}
    if wire == "grpc":
        headers["x-envoy-retry-grpc-on"] = _GRPC_STATUSES
        headers["x-envoy-retry-on"] = "retriable-headers"
    else:
        headers["x-envoy-retry-on"] = "retriable-status-codes"
        headers["x-envoy-retriable-status-codes"] = _HTTP_STATUSES
    return headers
