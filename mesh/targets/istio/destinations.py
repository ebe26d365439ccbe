"""How a pool's replicas are reached: mutual TLS, limits, ejection."""

from __future__ import annotations

from typing import Any

from mesh.targets.istio.replicas import service_host
from mesh.targets.kubernetes import objects
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

_MAX_REQUESTS = 8_192


def destination_rule(pool: str, parameters: KubernetesParameters) -> Json:
    """The rule of a pool's Service.

    A replica is ejected if it cannot be reached, never for answering with
    errors: a model that fails must not take it away from the others.
    """
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": objects.metadata(objects.pool_service(pool), parameters.gateway_namespace),
        "spec": {
            "host": service_host(pool, parameters),
            "trafficPolicy": {
                "tls": {"mode": "ISTIO_MUTUAL"},
                "loadBalancer": {"simple": "LEAST_REQUEST"},
                "connectionPool": {
                    "tcp": {"connectTimeout": "1s", "maxConnections": _MAX_REQUESTS},
                    "http": {
                        # Below the requests it would refuse what a cold pool could serve.
                        "http1MaxPendingRequests": _MAX_REQUESTS,
                        "http2MaxRequests": _MAX_REQUESTS,
                        "maxRetries": _MAX_REQUESTS,
                    },
                },
                "outlierDetection": {
                    "splitExternalLocalOriginErrors": True,
                    "consecutiveLocalOriginFailures": 3,
                    "consecutive5xxErrors": 0,
                    "consecutiveGatewayErrors": 0,
                    "interval": "1s",
                    "baseEjectionTime": "1s",
                    "maxEjectionPercent": 50,
                    "minHealthPercent": 0,
                },
            },
        },
    }
