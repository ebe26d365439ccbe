"""What an Envoy runs, by its own account, beside what a table makes of one.

Both become the same plain things, whichever way the configuration came: by ADS,
from files, or within the bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.route.v3 import route_pb2
from google.protobuf import json_format, message

from mesh import composite, resources, table
from mesh.targets.difference import Key
from mesh.targets.plain import plain

Json = dict[str, Any]
Things = dict[Key, Any]

_OWN_CLUSTERS = "algolink."
"""Clusters of control services, which no table knows, begin with this."""

_WHERE_FROM = ("type", "eds_cluster_config", "load_assignment", "dns_lookup_family")
"""Fields of a cluster that say where its endpoints come from."""


def of_table(snapshot: table.Snapshot) -> Things:
    """Clusters, endpoints and routes that an Envoy of ours has for `snapshot`.

    Raises:
        ValueError: if the resources of the snapshot are inconsistent.
    """
    built = resources.build(snapshot)
    resources.check(built)
    by_type = {
        url: {name: plain(resource.body) for name, resource in named.items()}
        for url, named in built.by_type.items()
    }
    return _things(
        clusters=by_type[resources.CDS].values(),
        endpoints=by_type[resources.EDS],
        configurations=by_type[resources.RDS],
        scopes={
            name: scope["route_configuration_name"]
            for name, scope in by_type[resources.SRDS].items()
        },
    )


def of_dump(dump: Mapping[str, Any]) -> Things:
    """The same of what `/config_dump?include_eds` of an Envoy answers.

    Raises:
        ValueError: if it is none.
    """
    composite.make_known()
    try:
        parts = {each["@type"].rpartition(".")[2]: each for each in dump["configs"]}
        configurations = {
            config["name"]: config
            for config in _all(parts["RoutesConfigDump"], "route_configs", "route_config")
        }
        scopes = {}
        for held in _listed(parts["ScopedRoutesConfigDump"], "scoped_route_configs"):
            for scope in held["scoped_route_configs"]:
                inline = scope.get("route_configuration")
                scopes[scope["name"]] = scope.get("route_configuration_name") or inline["name"]
                if inline:
                    configurations[inline["name"]] = inline
        return _things(
            clusters=_all(parts["ClustersConfigDump"], "clusters", "cluster"),
            endpoints={
                each["cluster_name"]: each
                for each in _all(
                    parts["EndpointsConfigDump"], "endpoint_configs", "endpoint_config"
                )
            },
            configurations=configurations,
            scopes=scopes,
        )
    except (KeyError, TypeError, AttributeError, json_format.ParseError) as error:
        raise ValueError(f"no answer of /config_dump?include_eds: {error}") from error


def _things(
    *,
    clusters: Any,
    endpoints: Mapping[str, Json],
    configurations: Mapping[str, Json],
    scopes: Mapping[str, str],
) -> Things:
    found: Things = {}
    for cluster in clusters:
        name = cluster["name"]
        if name.startswith(_OWN_CLUSTERS):
            continue
        rest = {key: value for key, value in cluster.items() if key not in _WHERE_FROM}
        found[Key("cluster", name)] = _canonical(rest, cluster_pb2.Cluster())
        if "cluster_type" not in cluster:
            service = cluster.get("eds_cluster_config", {}).get("service_name") or name
            assignment = cluster.get("load_assignment") or endpoints.get(service, {})
            found[Key("endpoints", name)] = sorted(_addresses(assignment))
    for scope, name in scopes.items():
        configuration = configurations.get(name)
        if configuration is not None:
            canonical = _canonical(configuration, route_pb2.RouteConfiguration())
            found[Key("routes", scope)] = canonical
    return found


def _canonical(values: Mapping[str, Any], body: message.Message) -> Json:
    """`values` as a message has them: no defaults, durations in one form."""
    fields = {key: value for key, value in values.items() if key != "@type"}
    return plain(json_format.ParseDict(fields, body, ignore_unknown_fields=True))


def _addresses(assignment: Mapping[str, Any]) -> Iterator[str]:
    values = {key: assignment[key] for key in ("cluster_name", "endpoints") if key in assignment}
    parsed = endpoint_pb2.ClusterLoadAssignment()
    json_format.ParseDict(values, parsed, ignore_unknown_fields=True)
    for locality in parsed.endpoints:
        for one in locality.lb_endpoints:
            address = one.endpoint.address.socket_address
            yield f"{address.address}:{address.port_value}"


def _listed(part: Mapping[str, Any], suffix: str) -> Iterator[Json]:
    """Entries of a dump that are in force, however they came."""
    for key, entries in part.items():
        if key in (f"static_{suffix}", f"dynamic_{suffix}", f"inline_{suffix}") or key == (
            f"dynamic_active_{suffix}"
        ):
            yield from entries


def _all(part: Mapping[str, Any], suffix: str, field: str) -> Iterator[Json]:
    for entry in _listed(part, suffix):
        yield entry[field]
