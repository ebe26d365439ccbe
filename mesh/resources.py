"""Envoy's view of a snapshot: named resources, each versioned by its content.

`build` is the whole translation; `check` says whether a set of resources is
whole, and is to be asked before anything is published: Envoy answers a route to
a cluster that it does not know with failed requests.

Names: clusters and endpoints carry one another's names (`mesh.names`); a model's
route configuration and its scope carry the model's id. What a name means never
changes, so a resource of clusters is only ever added or removed by a new
snapshot, and routes flip between clusters that are already warm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.route.v3 import route_pb2, scoped_route_pb2
from google.protobuf import any_pb2, message

from mesh import clusters, composite, names, routes, table

_PREFIX = "type.googleapis.com/"

CDS = _PREFIX + cluster_pb2.Cluster.DESCRIPTOR.full_name
EDS = _PREFIX + endpoint_pb2.ClusterLoadAssignment.DESCRIPTOR.full_name
RDS = _PREFIX + route_pb2.RouteConfiguration.DESCRIPTOR.full_name
SRDS = _PREFIX + scoped_route_pb2.ScopedRouteConfiguration.DESCRIPTOR.full_name

TYPES = (CDS, EDS, SRDS, RDS)
"""In the order in which additions are published: what is referred to comes first.

A scope refers to a route configuration, but Envoy asks for the latter only once
it knows the former.
"""


@dataclass(frozen=True, slots=True)
class Resource:
    """One named piece of Envoy's configuration.

    Attributes:
        name: unique within its type.
        version: digest of the body, 16 lower-case hex digits.
        body: the message, deterministically packed.
    """

    name: str
    version: str
    body: any_pb2.Any


@dataclass(frozen=True)
class Resources:
    """All of Envoy's dynamic configuration.

    Attributes:
        by_type: resources by name, by type URL; holds every one of `TYPES`.
    """

    by_type: Mapping[str, Mapping[str, Resource]]

    @cached_property
    def revision(self) -> str:
        """Digest of the content, 16 lower-case hex digits."""
        lines = (
            f"{type_url} {name} {resource.version}\n"
            for type_url, resources in sorted(self.by_type.items())
            for name, resource in sorted(resources.items())
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def build(snapshot: table.Snapshot) -> Resources:
    """Resources that make an Envoy do what `snapshot` says."""
    return Resources(
        {
            CDS: _named((c.name, c) for c in clusters.clusters(snapshot)),
            EDS: _named((e.cluster_name, e) for e in clusters.endpoints(snapshot)),
            SRDS: _named((s.name, s) for s in routes.scopes(snapshot)),
            RDS: _named((r.name, r) for r in routes.route_configurations(snapshot)),
        }
    )


def check(resources: Resources) -> None:
    """Checks that everything that a resource names is there.

    Raises:
        ValueError: naming every inconsistency.
    """
    problems = list(_problems(resources))
    if problems:
        raise ValueError("inconsistent resources: " + "; ".join(problems))


def _named(messages: Iterable[tuple[str, message.Message]]) -> dict[str, Resource]:
    named: dict[str, Resource] = {}
    for name, body in messages:
        packed = any_pb2.Any()
        packed.Pack(body, deterministic=True)
        digest = hashlib.sha256(packed.value).hexdigest()[:16]
        named[name] = Resource(name, digest, packed)
    return named


def _problems(resources: Resources) -> Iterable[str]:
    missing = [type_url for type_url in TYPES if type_url not in resources.by_type]
    if missing:
        yield f"no resources of {missing}"
        return
    for name, resource in sorted(resources.by_type[CDS].items()):
        cluster = cluster_pb2.Cluster()
        resource.body.Unpack(cluster)
        if not cluster.HasField("cluster_type"):
            if name not in resources.by_type[EDS]:
                yield f"cluster {name} has no endpoints resource"
            continue
        for member in composite.clusters_of(cluster.cluster_type.typed_config):
            if member not in resources.by_type[CDS]:
                yield f"cluster {name} is composed of unknown cluster {member}"
    for name in resources.by_type[EDS].keys() - resources.by_type[CDS].keys():
        yield f"endpoints of {name} have no cluster"
    if names.SERVER_SCOPE not in resources.by_type[SRDS]:
        yield f"scope {names.SERVER_SCOPE} is missing"
    for name, resource in sorted(resources.by_type[SRDS].items()):
        scope = scoped_route_pb2.ScopedRouteConfiguration()
        resource.body.Unpack(scope)
        if scope.route_configuration_name not in resources.by_type[RDS]:
            yield f"scope {name} names unknown routes {scope.route_configuration_name}"
    for name, resource in sorted(resources.by_type[RDS].items()):
        configuration = route_pb2.RouteConfiguration()
        resource.body.Unpack(configuration)
        for problem in routes.problems(configuration, resources.by_type[CDS].keys()):
            yield f"routes of {name}: {problem}"
