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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2, scoped_route_pb2
from google.protobuf import any_pb2, message

from mesh import clusters, composite, names, routes, table

_PREFIX = "type.googleapis.com/"

CDS = _PREFIX + cluster_pb2.Cluster.DESCRIPTOR.full_name
EDS = _PREFIX + endpoint_pb2.ClusterLoadAssignment.DESCRIPTOR.full_name
RDS = _PREFIX + route_pb2.RouteConfiguration.DESCRIPTOR.full_name
LDS = _PREFIX + listener_pb2.Listener.DESCRIPTOR.full_name
SRDS = _PREFIX + scoped_route_pb2.ScopedRouteConfiguration.DESCRIPTOR.full_name

TYPES = (CDS, EDS, SRDS, RDS)
"""In the order in which additions are published: what is referred to comes first.

A scope refers to a route configuration, but Envoy asks for the latter only once
it knows the former.
"""


Named = Mapping[str, "Resource"]


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


@dataclass(frozen=True, slots=True)
class Part:
    """What one route, or one pool, is made into.

    Attributes:
        made_of: the values that it follows from, and nothing else.
        by_type: resources by name, by type URL.
    """

    made_of: tuple[object, ...]
    by_type: Mapping[str, Named]


@dataclass(frozen=True)
class Resources:
    """All of Envoy's dynamic configuration.

    Attributes:
        by_type: resources by name, by type URL; holds every one of `TYPES`.
        parts: the same by what they were made of, to make the next ones from.
    """

    by_type: Mapping[str, Named]
    parts: Mapping[tuple[str, str], Part] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def revision(self) -> str:
        """Digest of the content, 16 lower-case hex digits."""
        lines = (
            f"{type_url} {name} {resource.version}\n"
            for type_url, resources in sorted(self.by_type.items())
            for name, resource in sorted(resources.items())
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def build(snapshot: table.Snapshot, before: Resources | None = None) -> Resources:
    """Resources that make an Envoy do what `snapshot` says.

    Args:
        before: resources of an earlier snapshot. What they share is taken from
            them, so that a change costs what it changes; the result is the same.
    """
    parts = dict(before.parts) if before else {}
    made: list[Part] = []
    sources = dict(_sources(snapshot))
    replaced = [parts.pop(key) for key in parts.keys() - sources.keys()]
    for key, made_of in sources.items():
        known = parts.get(key)
        if known is not None and known.made_of == made_of:
            continue
        if known is not None:
            replaced.append(known)
        parts[key] = _part(made_of)
        made.append(parts[key])
    old = before.by_type if before else {}
    return Resources(
        {type_url: _patched(type_url, old.get(type_url, {}), replaced, made) for type_url in TYPES},
        parts,
    )


def check(resources: Resources, before: Resources | None = None) -> None:
    """Checks that everything that a resource names is there.

    Args:
        before: resources that were checked. What they share is checked again
            only where something was taken away.

    Raises:
        ValueError: naming every inconsistency.
    """
    problems = list(_problems(resources, before))
    if problems:
        raise ValueError("inconsistent resources: " + "; ".join(problems))


def _sources(snapshot: table.Snapshot) -> Iterator[tuple[tuple[str, str], tuple[object, ...]]]:
    yield ("server", ""), (sorted((name, pool.foreign) for name, pool in snapshot.pools.items()),)
    for name, pool in snapshot.pools.items():
        yield ("pool", name), (pool,)
    for model, route in snapshot.routes.items():
        pool = snapshot.pools[route.pool]
        yield ("route", model), (route, pool.foreign)
        yield ("endpoints", model), (route, pool)


def _part(made_of: tuple[object, ...]) -> Part:
    match made_of:
        case (table.ModelRoute() as route, bool(foreign)):
            by_type = {
                CDS: named((c.name, c) for c in clusters.of_route(route, foreign=foreign)),
                SRDS: named([(route.model, routes.scope(route.model))]),
                RDS: named([(route.model, routes.of_route(route, foreign=foreign))]),
            }
        case (table.ModelRoute() as route, table.Pool() as pool):
            endpoints = clusters.endpoints_of_route(route, pool)
            by_type = {EDS: named((e.cluster_name, e) for e in endpoints)}
        case (table.Pool() as pool,):
            by_type = {
                CDS: named((c.name, c) for c in clusters.of_pool(pool)),
                EDS: named((e.cluster_name, e) for e in clusters.endpoints_of_pool(pool)),
            }
        case (list(pools),):
            by_type = {
                SRDS: named([(names.SERVER_SCOPE, routes.scope(names.SERVER_SCOPE))]),
                RDS: named([(names.SERVER_SCOPE, routes.of_server(dict(pools)))]),
            }
        case _:
            raise AssertionError(made_of)
    return Part(made_of, by_type)


def _patched(
    type_url: str, resources: Named, replaced: Iterable[Part], made: Iterable[Part]
) -> Named:
    """`resources` without what was replaced and with what was made; itself if that is the same."""
    gone = [(n, r) for part in replaced for n, r in part.by_type.get(type_url, {}).items()]
    come = {n: r for part in made for n, r in part.by_type.get(type_url, {}).items()}
    come = {n: resources[n] if resources.get(n) == r else r for n, r in come.items()}
    lost = {name for name, _ in gone} - come.keys()
    if not lost and all(resources.get(name) is resource for name, resource in come.items()):
        return resources
    patched = dict(resources)
    for name in lost:
        del patched[name]
    patched.update(come)
    return patched


def named(messages: Iterable[tuple[str, message.Message]]) -> dict[str, Resource]:
    """Messages as resources, by name."""
    found: dict[str, Resource] = {}
    for name, body in messages:
        packed = any_pb2.Any()
        packed.Pack(body, deterministic=True)
        digest = hashlib.sha256(packed.value).hexdigest()[:16]
        found[name] = Resource(name, digest, packed)
    return found


def _problems(resources: Resources, before: Resources | None) -> Iterator[str]:
    missing = [type_url for type_url in TYPES if type_url not in resources.by_type]
    if missing:
        yield f"no resources of {missing}"
        return
    known = before.by_type if before else {}
    if before and any(known[t].keys() - resources.by_type[t].keys() for t in (CDS, EDS, RDS)):
        known = {}

    def fresh(type_url: str) -> Iterator[tuple[str, Resource]]:
        if (old := known.get(type_url, {})) is resources.by_type[type_url]:
            return
        for name, resource in resources.by_type[type_url].items():
            if old.get(name) is not resource:
                yield name, resource

    for name, resource in sorted(fresh(CDS), key=lambda item: item[0]):
        cluster = cluster_pb2.Cluster()
        resource.body.Unpack(cluster)
        if not cluster.HasField("cluster_type"):
            if name not in resources.by_type[EDS]:
                yield f"cluster {name} has no endpoints resource"
            continue
        for member in composite.clusters_of(cluster.cluster_type.typed_config):
            if member not in resources.by_type[CDS]:
                yield f"cluster {name} is composed of unknown cluster {member}"
    for name in sorted(name for name, _ in fresh(EDS) if name not in resources.by_type[CDS]):
        yield f"endpoints of {name} have no cluster"
    if names.SERVER_SCOPE not in resources.by_type[SRDS]:
        yield f"scope {names.SERVER_SCOPE} is missing"
    for name, resource in sorted(fresh(SRDS), key=lambda item: item[0]):
        scope = scoped_route_pb2.ScopedRouteConfiguration()
        resource.body.Unpack(scope)
        if scope.route_configuration_name not in resources.by_type[RDS]:
            yield f"scope {name} names unknown routes {scope.route_configuration_name}"
    for name, resource in sorted(fresh(RDS), key=lambda item: item[0]):
        configuration = route_pb2.RouteConfiguration()
        resource.body.Unpack(configuration)
        for problem in routes.problems(configuration, resources.by_type[CDS].keys()):
            yield f"routes of {name}: {problem}"
