"""What Istio's control plane makes of our objects for a gateway, as far as we use it.

A VirtualService's routes become Envoy's in their order, several destinations a
weighted cluster in theirs, and a destination's headers those of its entry; then
EnvoyFilters are merged in as protobuf messages, whose lists are appended to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from envoy.config.route.v3 import route_components_pb2 as components
from google.protobuf import json_format

from mesh import table
from mesh.targets.plain import plain

Json = dict[str, Any]


def bootstrap(
    objects: Sequence[Json], ports: Mapping[int, table.Endpoint], listen: table.Endpoint
) -> Json:
    """An Envoy that does as the gateway would.

    Args:
        objects: all that was rendered.
        ports: the server that stands for each port of the Service.
        listen: where the gateway listens.
    """
    services = [o for o in objects if o["kind"] == "VirtualService"]
    patches = [
        patch for o in objects if o["kind"] == "EnvoyFilter" for patch in o["spec"]["configPatches"]
    ]
    filters = _filters([p for p in patches if p["applyTo"] == "HTTP_FILTER"])
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network"
        ".http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "use_remote_address": True,
        "route_config": {
            "virtual_hosts": [_virtual_host(service, patches) for service in services]
        },
        "http_filters": [
            *filters,
            {"name": "envoy.filters.http.router", "typed_config": {"@type": router}},
        ],
    }
    listener = {
        "name": "gateway",
        "address": _address(listen),
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }
    hosts = {o["spec"]["host"] for o in objects if o["kind"] == "DestinationRule"}
    clusters = [
        _cluster(f"outbound|{port}||{host}", server, grpc=port == min(ports))
        for host in sorted(hosts)
        for port, server in ports.items()
    ]
    runtime = {"name": "istio", "static_layer": {"re2.max_program_size.error_level": 32_768}}
    return {
        "static_resources": {"listeners": [listener], "clusters": clusters},
        "layered_runtime": {"layers": [runtime]},
    }


def _filters(patches: Sequence[Json]) -> list[Json]:
    found: list[Json] = []
    for patch in patches:
        value, place = patch["patch"]["value"], 0
        if patch["patch"]["operation"] == "INSERT_AFTER":
            chain = patch["match"]["listener"]["filterChain"]
            after = chain["filter"]["subFilter"]["name"]
            place = 1 + [each["name"] for each in found].index(after)
        found.insert(place, value)
    return found


def _virtual_host(service: Json, patches: Sequence[Json]) -> Json:
    routes = []
    for http in service["spec"]["http"]:
        for match in http["match"]:
            route = json_format.ParseDict(_route(http, match), components.Route())
            for patch in patches:
                if _patched(patch) == http["name"]:
                    route.MergeFrom(
                        json_format.ParseDict(patch["patch"]["value"], components.Route())
                    )
            routes.append(plain(route))
    [host] = service["spec"]["hosts"]
    return {"name": host, "domains": [host, f"{host}:*"], "routes": routes}


def _patched(patch: Json) -> str:
    if patch["applyTo"] != "HTTP_ROUTE":
        return ""
    return str(patch["match"]["routeConfiguration"]["vhost"]["route"]["name"])


def _route(http: Json, match: Json) -> Json:
    uri = match["uri"]
    matched: Json = {"path": uri["exact"]} if "exact" in uri else {"prefix": uri["prefix"]}
    matched["headers"] = [
        *(_header(name, test) for name, test in match.get("headers", {}).items()),
        *(
            {
                **_header(name, test),
                "invert_match": True,
                "treat_missing_header_as_empty": True,
            }
            for name, test in match.get("withoutHeaders", {}).items()
        ),
    ]
    if "directResponse" in http:
        response = http["directResponse"]
        body = {"inline_string": response["body"]["string"]}
        direct = {"status": response["status"], "body": body}
        return {"name": http["name"], "match": matched, "direct_response": direct}
    entries = [{"name": _cluster_of(target), **dict(_headers(target))} for target in http["route"]]
    if len(entries) == 1:
        [only] = entries
        cluster = only.pop("name")
        return {"name": http["name"], "match": matched, "route": {"cluster": cluster}, **only}
    weighted = [
        {**entry, "weight": target["weight"]}
        for entry, target in zip(entries, http["route"], strict=True)
    ]
    return {
        "name": http["name"],
        "match": matched,
        "route": {"weighted_clusters": {"clusters": weighted}},
    }


def _header(name: str, test: Json) -> Json:
    [(kind, value)] = test.items()
    return {
        "name": name,
        "string_match": {"safe_regex": {"regex": value}} if kind == "regex" else {kind: value},
    }


def _headers(target: Json) -> Iterator[tuple[str, Any]]:
    for side in ("request", "response"):
        yield (
            f"{side}_headers_to_add",
            [
                {
                    "header": {"key": key, "value": value},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                }
                for key, value in target["headers"][side]["set"].items()
            ],
        )


def _cluster_of(target: Json) -> str:
    destination = target["destination"]
    return f"outbound|{destination['port']['number']}||{destination['host']}"


def _cluster(name: str, server: table.Endpoint, *, grpc: bool) -> Json:
    protocol = "http2_protocol_options" if grpc else "http_protocol_options"
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(server)}}]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3"
                ".HttpProtocolOptions",
                "explicit_http_config": {protocol: {}},
            }
        },
    }


def _address(endpoint: table.Endpoint) -> Json:
    return {"socket_address": {"address": endpoint.host, "port_value": endpoint.port}}
