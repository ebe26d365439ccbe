"""Clusters that hold their endpoints, for lack of a router that tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mesh.targets import addresses

Json = dict[str, Any]


def hosted(cluster: Json, endpoints: Mapping[str, Json]) -> Json:
    """`cluster` with its endpoints inside, if it took them from elsewhere.

    Args:
        cluster: a `Cluster`.
        endpoints: `ClusterLoadAssignment` by name.
    """
    if cluster.get("type") != "EDS":
        return cluster
    rest = {k: v for k, v in cluster.items() if k not in ("type", "eds_cluster_config")}
    service = cluster["eds_cluster_config"].get("service_name") or cluster["name"]
    assignment = {**endpoints[service], "cluster_name": cluster["name"]}
    kind: Json = {"type": "STATIC"}
    if known_by_name(assignment):
        # A name that has addresses of both kinds is rarely listened on at both.
        kind = {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED"}
    return {"name": cluster["name"], **kind, **rest, "load_assignment": assignment}


def known_by_name(assignment: Json) -> bool:
    """Whether an endpoint is given by a name, which only DNS resolves."""
    return any(not addresses.is_ip(address) for address in _addresses(assignment))


def _addresses(assignment: Json) -> Iterator[str]:
    for locality in assignment.get("endpoints", ()):
        for one in locality.get("lb_endpoints", ()):
            yield one["endpoint"]["address"]["socket_address"]["address"]
