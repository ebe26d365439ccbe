"""Objects that every target on Kubernetes has: metadata, and a Service per pool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from mesh import table
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

POOL_LABEL = "algolink.dev/pool"
"""Label of replicas, whose value is the name of their pool."""

REPLICA_LABELS = {"app.kubernetes.io/name": "algolink-inference"}
_LABELS = {"app.kubernetes.io/part-of": "algolink", "app.kubernetes.io/managed-by": "algolink-mesh"}
_MAX_NAME = 63


def metadata(name: str, namespace: str) -> Json:
    """Metadata of an object of ours."""
    return {"name": name, "namespace": namespace, "labels": dict(_LABELS)}


def name(*parts: str) -> str:
    """A name that is valid for every kind of object.

    >>> name("pool", "default")
    'pool-default'
    """
    whole = "-".join(parts)
    if len(whole) <= _MAX_NAME:
        return whole
    # Cut names that begin alike stay different.
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{whole[: _MAX_NAME - 9].rstrip('-')}-{digest}"


def pool_service(pool: str) -> str:
    """Name of the Service of a pool."""
    return name("pool", pool)


def pool_labels(pool: str) -> dict[str, str]:
    """Labels of the pods of a pool."""
    return {**REPLICA_LABELS, POOL_LABEL: pool}


def services(snapshot: table.Snapshot, parameters: KubernetesParameters) -> Iterator[Json]:
    """A Service per pool, which finds the replicas by their labels.

    A replica hosts many versions, so no Service and no subset is ever made for
    a version.
    """
    for pool in routed_pools(snapshot):
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(pool_service(pool), parameters.namespace),
            "spec": {
                "selector": pool_labels(pool),
                "ports": [
                    {
                        "name": "grpc",
                        "port": parameters.grpc_port,
                        "targetPort": parameters.grpc_port,
                        "appProtocol": "kubernetes.io/h2c",
                    },
                    {
                        "name": "http",
                        "port": parameters.http_port,
                        "targetPort": parameters.http_port,
                        "appProtocol": "http",
                    },
                ],
            },
        }


def routed_pools(snapshot: table.Snapshot) -> list[str]:
    """Names of the pools that a model is routed to, sorted."""
    return sorted({route.pool for route in snapshot.routes.values()})
