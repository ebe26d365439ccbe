"""Who may call a replica: the gateway, and only what it forwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh.targets.kubernetes import objects, protocol
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

_NAME = "algolink-replicas"


def security(parameters: KubernetesParameters) -> Iterator[Json]:
    """Mutual TLS on every port of a replica, and who may call which paths."""
    yield {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": objects.metadata(_NAME, parameters.namespace),
        "spec": {
            "selector": {"matchLabels": objects.REPLICA_LABELS},
            "mtls": {"mode": "STRICT"},
        },
    }
    ports = [str(parameters.grpc_port), str(parameters.http_port)]
    methods = (protocol.INFER, protocol.STREAM, *protocol.INFO, *protocol.SERVER)
    paths = [*map(protocol.method_path, methods), *protocol.SERVER_PATHS, "/v2/models/*"]
    yield {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": objects.metadata(_NAME, parameters.namespace),
        "spec": {
            "selector": {"matchLabels": objects.REPLICA_LABELS},
            "action": "ALLOW",
            "rules": [
                {
                    "from": [{"source": {"namespaces": [parameters.gateway_namespace]}}],
                    "to": [{"operation": {"ports": ports, "paths": paths}}],
                },
                # Metrics and health have ports, and rules, of their own.
                {"to": [{"operation": {"notPorts": ports}}]},
            ],
        },
    }
