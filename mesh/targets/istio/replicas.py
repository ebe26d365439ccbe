"""Where a pool's replicas are: behind a Service, or workloads that are known one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from mesh import table
from mesh.targets import addresses
from mesh.targets.kubernetes import objects
from mesh.targets.kubernetes.parameters import KubernetesParameters
from mesh.targets.rendering import Limitation

Json = dict[str, Any]


def service_host(pool: str, parameters: KubernetesParameters) -> str:
    """Host of a pool, as routes name it.

    >>> service_host("default", KubernetesParameters(replicas="entries"))
    'pool-default.replicas.algolink.internal'
    """
    service = objects.pool_service(pool)
    if parameters.replicas == "entries":
        # Two labels below the domain: no model's host is like it.
        return f"{service}.replicas.{parameters.domain}"
    return f"{service}.{parameters.namespace}.svc.cluster.local"


def cluster(pool: str, port: int, parameters: KubernetesParameters) -> str:
    """Name that Istio gives a pool's cluster in Envoy."""
    return f"outbound|{port}||{service_host(pool, parameters)}"


def replicas(snapshot: table.Snapshot, parameters: KubernetesParameters) -> Iterator[Json]:
    """A Service per pool, or a ServiceEntry and a WorkloadEntry per replica."""
    if parameters.replicas == "service":
        yield from objects.services(snapshot, parameters)
        return
    for name in objects.routed_pools(snapshot):
        pool = snapshot.pools[name]
        yield _service_entry(pool, parameters)
        yield from _workload_entries(pool, parameters)


def limitations(snapshot: table.Snapshot, parameters: KubernetesParameters) -> Iterator[Limitation]:
    """Replicas that no WorkloadEntry says."""
    if parameters.replicas == "service":
        return
    for name in objects.routed_pools(snapshot):
        pool = snapshot.pools[name]
        for host, (grpc, http) in _ports(pool).items():
            if len(grpc) != len(http):
                yield Limitation(
                    model="",
                    what=f"replicas of pool {name} at {host}",
                    so=f"{len(grpc)} serve gRPC and {len(http)} REST: those that do not serve "
                    "both are left out",
                )


def _service_entry(pool: table.Pool, parameters: KubernetesParameters) -> Json:
    by_name = any(not addresses.is_ip(host) for host in _ports(pool))
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": objects.metadata(objects.pool_service(pool.name), parameters.namespace),
        "spec": {
            "hosts": [service_host(pool.name, parameters)],
            "location": "MESH_INTERNAL",
            "resolution": "DNS" if by_name else "STATIC",
            "ports": [
                {"number": parameters.grpc_port, "name": "grpc", "protocol": "GRPC"},
                {"number": parameters.http_port, "name": "http", "protocol": "HTTP"},
            ],
            "workloadSelector": {"labels": objects.pool_labels(pool.name)},
        },
    }


def _workload_entries(pool: table.Pool, parameters: KubernetesParameters) -> Iterator[Json]:
    for host, (grpc, http) in _ports(pool).items():
        for one, other in zip(grpc, http, strict=False):
            label = host.replace(".", "-").replace(":", "-").strip("-").lower()
            name = objects.name(objects.pool_service(pool.name), label, str(one))
            yield {
                "apiVersion": "networking.istio.io/v1",
                "kind": "WorkloadEntry",
                "metadata": objects.metadata(name, parameters.namespace),
                "spec": {
                    "address": host,
                    "ports": {"grpc": one, "http": other},
                    "labels": objects.pool_labels(pool.name),
                },
            }


def _ports(pool: table.Pool) -> dict[str, tuple[list[int], list[int]]]:
    """Ports of gRPC and of REST servers, by host, sorted."""
    found: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for place, endpoints in enumerate((pool.grpc, pool.http)):
        for endpoint in sorted(endpoints):
            found[endpoint.host][place].append(endpoint.port)
    return dict(sorted(found.items()))
