"""Paths of the Open Inference Protocol that a gateway forwards, and no others.

Repository, settings and shared memory calls need a replica's own port.
"""

from __future__ import annotations

from mesh import descriptors

SERVICE = descriptors.SERVICE
INFER, STREAM = "ModelInfer", "ModelStreamInfer"
INFO = tuple(method for method in descriptors.MODEL_METHODS if method not in (INFER, STREAM))
SERVER = ("ServerLive", "ServerReady", "ServerMetadata")

SERVER_PATHS = ("/v2", "/v2/health/live", "/v2/health/ready")
"""REST paths about the server."""

_INFO_ENDINGS = ("", "/ready", "/config", "/stats")

UNIT_PATTERN = "[A-Za-z0-9._:@+/=-]+"
"""Units that are well-formed, but for their length: Envoy refuses a pattern that counts to 128."""


def method_path(method: str) -> str:
    """Path of a gRPC method.

    >>> method_path("ModelInfer")
    '/inference.GRPCInferenceService/ModelInfer'
    """
    return f"/{SERVICE}/{method}"


def infer_path(model: str, version: int | None = None) -> str:
    """REST path of predictions.

    >>> infer_path("iris"), infer_path("iris", 2)
    ('/v2/models/iris/infer', '/v2/models/iris/versions/2/infer')
    """
    return f"{model_path(model, version)}/infer"


def info_paths(model: str, version: int | None = None) -> list[str]:
    """REST paths about a model, or a version of it.

    >>> info_paths("iris")[:2]
    ['/v2/models/iris', '/v2/models/iris/ready']
    """
    return [model_path(model, version) + ending for ending in _INFO_ENDINGS]


def model_path(model: str, version: int | None = None) -> str:
    """What all REST paths about a model, or a version of it, begin with."""
    return f"/v2/models/{model}" + ("" if version is None else f"/versions/{version}")
