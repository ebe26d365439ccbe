"""A GRPCRoute and HTTPRoutes per model, which find the model by its host.

The most specific match wins, whatever the order: a path that names a version is
not one that names none, and of matches of one path, or method, the one with the most
headers is chosen. See `specific`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh import table
from mesh.names import Wire
from mesh.targets.gateway_api import backends
from mesh.targets.gateway_api.gateway import GATEWAY
from mesh.targets.gateway_api.predictions import Target, matched, predictions
from mesh.targets.gateway_api.specific import Rule
from mesh.targets.kubernetes import assigned, objects, protocol
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

_MAX_RULES = 16
"""Rules of one route that the Gateway API allows."""


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
    methods = [protocol.INFER, protocol.STREAM]
    rules: list[Json] = [
        {
            "matches": [_method(method, rule) for method in methods],
            "backendRefs": _backends(route, "grpc", rule.target, parameters),
        }
        for rule in predictions(route)
    ]
    others = [_method(method) for method in (*protocol.INFO, *protocol.SERVER)]
    champion = _backends(route, "grpc", assigned.champion(route), parameters)
    return _with_others(rules, {"matches": others, "backendRefs": champion})


def _http_rules(route: table.ModelRoute, parameters: KubernetesParameters) -> Iterator[Json]:
    rules: list[Json] = [
        {
            "matches": [_path(protocol.infer_path(route.model), rule)],
            "backendRefs": _backends(route, "http", rule.target, parameters),
            **_timeouts(route),
        }
        for rule in predictions(route)
    ]
    paths = [*protocol.info_paths(route.model), *protocol.SERVER_PATHS]
    others = _http_rule(route, paths, assigned.champion(route), parameters)
    yield from _with_others(rules, others)
    for version in route.versions:
        paths = [
            protocol.infer_path(route.model, version),
            *protocol.info_paths(route.model, version),
        ]
        yield _http_rule(route, paths, assigned.explicit(route, version), parameters)


def _with_others(rules: list[Json], others: Json) -> list[Json]:
    """`rules`, of which the last may be joined with the one for all else."""
    *before, last = rules
    if last["backendRefs"] != others["backendRefs"]:
        return [*rules, others]
    return [*before, {**others, "matches": [*last["matches"], *others["matches"]]}]


def _backends(
    route: table.ModelRoute, wire: Wire, target: Target, parameters: KubernetesParameters
) -> list[Json]:
    if isinstance(target, table.Split):
        return backends.arms(route, target, wire, parameters)
    return [backends.backend(route, wire, target, parameters)]


def _http_rule(
    route: table.ModelRoute,
    paths: Sequence[str],
    request: dict[str, str],
    parameters: KubernetesParameters,
) -> Json:
    return {
        "matches": [_path(path) for path in paths],
        "backendRefs": _backends(route, "http", request, parameters),
        **_timeouts(route),
    }


def _timeouts(route: table.ModelRoute) -> Json:
    timeouts = {"request": _duration(route.handling.timeout_ms)}
    if route.handling.attempt_timeout_ms is not None:
        timeouts["backendRequest"] = _duration(route.handling.attempt_timeout_ms)
    return {"timeouts": timeouts}


def _duration(span_ms: int) -> str:
    """As the Gateway API writes one: units of up to five digits.

    >>> _duration(30_000), _duration(1_250), _duration(40)
    ('30s', '1s250ms', '40ms')
    """
    seconds, rest_ms = divmod(span_ms, 1_000)
    return (f"{seconds}s" if seconds else "") + (f"{rest_ms}ms" if rest_ms else "")


def _method(method: str, rule: Rule[Target] | None = None) -> Json:
    match: Json = {"method": {"type": "Exact", "service": protocol.SERVICE, "method": method}}
    return match | _headers(rule)


def _path(path: str, rule: Rule[Target] | None = None) -> Json:
    return {"path": {"type": "Exact", "value": path}} | _headers(rule)


def _headers(rule: Rule[Target] | None) -> Json:
    return {"headers": matched(dict(rule.headers))} if rule and rule.headers else {}


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
