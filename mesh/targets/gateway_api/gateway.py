"""Where requests come in, and what they may reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh import table
from mesh.targets.kubernetes import objects
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

GATEWAY = "algolink"
_GROUP = "gateway.networking.k8s.io"
_GRPC_PORT = 9000


def gateway(parameters: KubernetesParameters) -> Json:
    """Two listeners, for one takes either GRPCRoutes or HTTPRoutes for a host."""
    http_port = 443 if parameters.tls_secret else 80
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "Gateway",
        "metadata": objects.metadata(GATEWAY, parameters.gateway_namespace),
        "spec": {
            "gatewayClassName": parameters.gateway_class,
            "listeners": [
                _listener("grpc", _GRPC_PORT, "GRPCRoute", parameters),
                _listener("http", http_port, "HTTPRoute", parameters),
            ],
        },
    }


def _listener(name: str, port: int, kind: str, parameters: KubernetesParameters) -> Json:
    tls: Json = {}
    if parameters.tls_secret:
        certificate = {"kind": "Secret", "name": parameters.tls_secret}
        tls = {"tls": {"mode": "Terminate", "certificateRefs": [certificate]}}
    return {
        "name": name,
        "hostname": f"*.{parameters.domain}",
        "port": port,
        "protocol": "HTTPS" if tls else "HTTP",
        **tls,
        "allowedRoutes": {
            "namespaces": {"from": "Same"},
            "kinds": [{"group": _GROUP, "kind": kind}],
        },
    }


def grants(snapshot: table.Snapshot, parameters: KubernetesParameters) -> Iterator[Json]:
    """Lets the routes go to the pools' Services, if those are in another namespace."""
    pools = objects.routed_pools(snapshot)
    if not pools or parameters.namespace == parameters.gateway_namespace:
        return
    yield {
        "apiVersion": f"{_GROUP}/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": objects.metadata("algolink-routes", parameters.namespace),
        "spec": {
            "from": [
                {"group": _GROUP, "kind": kind, "namespace": parameters.gateway_namespace}
                for kind in ("GRPCRoute", "HTTPRoute")
            ],
            "to": [
                {"group": "", "kind": "Service", "name": objects.pool_service(pool)}
                for pool in pools
            ],
        },
    }


def backend_tls(snapshot: table.Snapshot, parameters: KubernetesParameters) -> Iterator[Json]:
    """Verifies the replicas' certificates, if there is a CA to verify them by."""
    if not parameters.backend_ca:
        return
    for pool in objects.routed_pools(snapshot):
        service = objects.pool_service(pool)
        yield {
            "apiVersion": f"{_GROUP}/v1",
            "kind": "BackendTLSPolicy",
            "metadata": objects.metadata(service, parameters.namespace),
            "spec": {
                "targetRefs": [{"group": "", "kind": "Service", "name": service}],
                "validation": {
                    "caCertificateRefs": [
                        {"group": "", "kind": "ConfigMap", "name": parameters.backend_ca}
                    ],
                    "hostname": f"{service}.{parameters.namespace}.svc.cluster.local",
                },
            },
        }
