"""A GRPCRoute and HTTPRoutes per model, which find the model by its host.

The most specific match wins, whatever the order: a path that names a version
is longer than one that does not, and a match of the unit's header is more than
none. Where a split matches no header, the champion's rule leaves its calls out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh import forwarding, table
from mesh.targets.gateway_api import backends
from mesh.targets.gateway_api.gateway import GATEWAY
from mesh.targets.kubernetes import assigned, objects, protocol
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

_MAX_RULES = 16
"""Rules of one route that the Gateway API allows."""

_UNIT = {
    "type": "RegularExpression",
    "name": "x-algolink-unit",
    "value": f"^{protocol.UNIT_PATTERN}$",
}


def routes(route: table.ModelRoute, parameters: KubernetesParameters) -> Iterator[Json]:
    """How requests for a model are routed."""
    yield _route(
        "GRPCRoute", "grpc", route.model, route, _grpc_rules(route, parameters), parameters
    )
    rules = list(_http_rules(route, parameters))
    for start in range(0, len(rules), _MAX_RULES):
        number = start // _MAX_RULES
        name = route.model if number == 0 else objects.name(route.model, "more", str(number))
        chunk = rules[start : start + _MAX_RULES]
        yield _route("HTTPRoute", "http", name, route, chunk, parameters)


def _grpc_rules(route: table.ModelRoute, parameters: KubernetesParameters) -> list[Json]:
    predictions = [protocol.INFER, protocol.STREAM]
    others = [*protocol.INFO, *protocol.SERVER]
    rules = []
    if route.split is not None:
        rules.append(
            {
                "matches": [_method(m, unit=not route.split.per_request) for m in predictions],
                "backendRefs": backends.arms(route, route.split, "grpc", parameters),
            }
        )
    left = others if _takes_all_predictions(route) else predictions + others
    champion = backends.backend(route, "grpc", assigned.champion(route), parameters)
    rules.append({"matches": [_method(m) for m in left], "backendRefs": [champion]})
    return rules


def _http_rules(route: table.ModelRoute, parameters: KubernetesParameters) -> Iterator[Json]:
    if route.split is not None:
        yield {
            "matches": [_path(protocol.infer_path(route.model), unit=not route.split.per_request)],
            "backendRefs": backends.arms(route, route.split, "http", parameters),
            **_timeouts(),
        }
    paths = [*protocol.info_paths(route.model), *protocol.SERVER_PATHS]
    if not _takes_all_predictions(route):
        paths.insert(0, protocol.infer_path(route.model))
    yield _http_rule(route, paths, assigned.champion(route), parameters)
    for version in route.versions:
        paths = [
            protocol.infer_path(route.model, version),
            *protocol.info_paths(route.model, version),
        ]
        yield _http_rule(route, paths, assigned.explicit(route, version), parameters)


def _takes_all_predictions(route: table.ModelRoute) -> bool:
    return route.split is not None and route.split.per_request


def _http_rule(
    route: table.ModelRoute,
    paths: Sequence[str],
    request: dict[str, str],
    parameters: KubernetesParameters,
) -> Json:
    return {
        "matches": [_path(path) for path in paths],
        "backendRefs": [backends.backend(route, "http", request, parameters)],
        **_timeouts(),
    }


def _timeouts() -> Json:
    action = forwarding.to_cluster(forwarding.REST, "")
    return {"timeouts": {"request": action.timeout.ToJsonString()}}


def _method(method: str, *, unit: bool = False) -> Json:
    match: Json = {"method": {"type": "Exact", "service": protocol.SERVICE, "method": method}}
    return {**match, "headers": [_UNIT]} if unit else match


def _path(path: str, *, unit: bool = False) -> Json:
    match: Json = {"path": {"type": "Exact", "value": path}}
    return {**match, "headers": [_UNIT]} if unit else match


def _route(
    kind: str,
    listener: str,
    name: str,
    route: table.ModelRoute,
    rules: list[Json],
    parameters: KubernetesParameters,
) -> Json:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": objects.metadata(name, parameters.gateway_namespace),
        "spec": {
            "parentRefs": [{"name": GATEWAY, "sectionName": listener}],
            "hostnames": [parameters.host(route.model)],
            "rules": rules,
        },
    }
