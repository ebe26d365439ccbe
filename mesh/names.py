"""Names that the bootstrap, the routes and the log of one Envoy agree on."""

from __future__ import annotations

from typing import Literal

from algolink import names

Wire = Literal["grpc", "http", "foreign-grpc", "foreign-http"]
"""What a cluster's replicas are spoken to: OIP over gRPC, or over REST.

A foreign server is none of ours and reads no version from a header: for it pin.lua
writes the version into the message or the path. Its clusters have names of their
own, so that no route that leaves the message as it is can lead there.
"""

MODEL_HEADER = "x-al-model"
"""Scope of a request: a model id, or `SERVER_SCOPE`. Set by route.lua alone."""

OPERATION_HEADER = "x-al-operation"
"""What is asked: one of the `OPERATION_*`. Set by route.lua alone."""

REQUESTED_VERSION_HEADER = "x-al-requested-version"
"""The version that the client named; absent if it named none."""

UNIT_HEADER = "x-al-unit"
"""The unit, if the client sent exactly one that is well-formed."""

ATTRIBUTE_HEADER_PREFIX = "x-al-attr-"
"""An attribute, if the client sent exactly one value and that is well-formed."""

HELD_HEADER = "x-al-held"
"""Present if the unit is held out of what splits the model's traffic. Set by hold.lua alone."""

PLAN_HEADER = "x-al-plan"
"""Versions of the attempts, comma-separated, where the champion may help out."""

VERSION_HEADER = "x-al-version"
"""Towards a replica: the version that this attempt must run."""

PIN_HEADER = "x-al-pin"
"""Present where the server is foreign."""

BUCKET_HEADER = names.INTERNAL_BUCKET_HEADER
"""From a client without a proxy: the bucket that it computed, where a split decided."""

SHADOW_HEADER = "x-al-shadow"
"""Present on the copy of a request that a shadow gets."""

ATTEMPT_HEADER = "x-envoy-attempt-count"
"""Envoy's own: number of the attempt, from 1."""

ATTEMPT_TIMEOUT_HEADER = "x-envoy-upstream-rq-per-try-timeout-ms"
"""Envoy's own: how long each attempt may take."""

SERVED_HEADER = "x-al-served"
"""In a replica's answer: the version that it ran.

REST: a header. gRPC: in the trailers, for headers that leave before the message
would rule out a retry if the replica died in between.
"""

OPERATION_INFER = "infer"
OPERATION_STREAM = "stream"
OPERATION_INFO = "info"
OPERATION_SERVER = "server"

SERVER_SCOPE = "_server"
"""Scope of what is asked of the server and not of a model; no model id is like it."""

HOLDOUT_FILTER = "algolink.holdout"
"""The filter that looks whether the unit is held out, where the chosen route says who is."""

HOLDOUT_SCRIPT = "hold"
"""Name of its script, which runs for the routes alone that ask for it."""

ASSIGN_FILTER = "algolink.assign"
"""The filter that reads which arm the chosen route stands for."""

METADATA_NAMESPACE = "algolink"
"""Dynamic metadata that `ASSIGN_FILTER` writes and the exposure log reads."""

REQUEST_BODY_LIMIT_BYTES = 64 * 1024 * 1024
"""A request body up to this size is taken, and can be sent again on a retry."""


def is_grpc(wire: Wire) -> bool:
    """Whether it is gRPC.

    >>> is_grpc("foreign-grpc"), is_grpc("http")
    (True, False)
    """
    return wire.endswith("grpc")


def pool_cluster(pool: str, wire: Wire) -> str:
    """Cluster of a pool's replicas.

    >>> pool_cluster("default", "grpc")
    'pool/default/grpc'
    """
    return f"pool/{pool}/{wire}"


def arm_cluster(experiment: str, arm: str, wire: Wire) -> str:
    """Cluster of an arm: the pool's replicas behind breakers of its own.

    >>> arm_cluster("digits-1", "challenger", "http")
    'arm/digits-1/challenger/http'
    """
    return f"arm/{experiment}/{arm}/{wire}"


def shift_cluster(model: str, arm: str, wire: Wire) -> str:
    """Cluster of an arm of a shift.

    >>> shift_cluster("digits", "v2", "grpc")
    'shift/digits/v2/grpc'
    """
    return f"shift/{model}/{arm}/{wire}"


def version_cluster(model: str, version: int, wire: Wire) -> str:
    """Cluster of a version that overrides or audiences send to.

    >>> version_cluster("digits", 3, "grpc")
    'version/digits/3/grpc'
    """
    return f"version/{model}/{version}/{wire}"


def fallback_cluster(experiment: str, arm: str, wire: Wire) -> str:
    """Cluster of an arm, and of the champion for the attempts after the arm's.

    >>> fallback_cluster("digits-1", "challenger", "grpc")
    'fallback/digits-1/challenger/grpc'
    """
    return f"fallback/{experiment}/{arm}/{wire}"


def shadow_cluster(model: str, wire: Wire) -> str:
    """Cluster of a model's shadow: the pool's replicas behind breakers of its own.

    >>> shadow_cluster("digits", "grpc")
    'shadow/digits/grpc'
    """
    return f"shadow/{model}/{wire}"
