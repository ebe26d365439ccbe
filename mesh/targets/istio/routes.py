"""A VirtualService per model, which finds the model by its host.

Within a model the first route that matches wins, as at our own Envoy: the
version that the path names, a version that is not served, the experiment's
split, the champion. What matches nothing is answered 404.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mesh import forwarding, names, table
from mesh.targets.istio.ingress import GATEWAY
from mesh.targets.kubernetes import assigned, objects, protocol
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

_CALLS: dict[forwarding.Call, tuple[str, ...]] = {
    forwarding.STREAM: (protocol.STREAM,),
    forwarding.UNARY: (protocol.INFER, *protocol.INFO, *protocol.SERVER),
}


def virtual_service(route: table.ModelRoute, parameters: KubernetesParameters) -> Json:
    """How requests for a model are routed."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": objects.metadata(route.model, parameters.gateway_namespace),
        "spec": {
            "hosts": [parameters.host(route.model)],
            "gateways": [GATEWAY],
            "http": list(_routes(route, parameters)),
        },
    }


def split_route_name(route: table.ModelRoute, call: forwarding.Call) -> str:
    """Name of the route of an experiment, unique in the gateway."""
    return f"{route.model}.experiment-{call.name}"


def _routes(route: table.ModelRoute, parameters: KubernetesParameters) -> Iterator[Json]:
    for version in route.versions:
        paths = [
            protocol.infer_path(route.model, version),
            *protocol.info_paths(route.model, version),
        ]
        yield {
            "name": f"{route.model}.version-{version}",
            "match": [_exact(path) for path in paths],
            **_to_one(
                route, forwarding.REST, assigned.explicit(route, version), parameters=parameters
            ),
        }
    yield _version_not_served(route)
    if route.split is not None:
        for call, match in _predictions(route):
            yield _split(call, match, route, route.split, parameters)
    for call, matches in _all(route):
        yield {
            "name": f"{route.model}.champion-{call.name}",
            "match": matches,
            **_to_one(route, call, assigned.champion(route), parameters=parameters),
        }


def _predictions(route: table.ModelRoute) -> Iterator[tuple[forwarding.Call, Json]]:
    """Only predictions are assigned: asking for metadata exposes nobody to an arm."""
    yield forwarding.STREAM, _exact(protocol.method_path(protocol.STREAM))
    yield forwarding.UNARY, _exact(protocol.method_path(protocol.INFER))
    yield forwarding.REST, _exact(protocol.infer_path(route.model))


def _all(route: table.ModelRoute) -> Iterator[tuple[forwarding.Call, list[Json]]]:
    for call, methods in _CALLS.items():
        yield call, [_exact(protocol.method_path(method)) for method in methods]
    paths = [
        protocol.infer_path(route.model),
        *protocol.info_paths(route.model),
        *protocol.SERVER_PATHS,
    ]
    yield forwarding.REST, [_exact(path) for path in paths]


def _split(
    call: forwarding.Call,
    match: Json,
    route: table.ModelRoute,
    split: table.Split,
    parameters: KubernetesParameters,
) -> Json:
    """One destination per segment, in order: the bucket table, run-length encoded."""
    if not split.per_request:
        match = {**match, "headers": {names.UNIT_HEADER: {"regex": ".+"}}}
    return {
        "name": split_route_name(route, call),
        "match": [match],
        "route": [
            {
                **_destination(route, call, parameters),
                "weight": segment.size,
                "headers": _headers(assigned.arm(route, split, segment.arm)),
            }
            for segment in split.table.segments
        ],
        **_forwarding(call),
    }


def _to_one(
    route: table.ModelRoute,
    call: forwarding.Call,
    request: dict[str, str],
    *,
    parameters: KubernetesParameters,
) -> Json:
    destination = {**_destination(route, call, parameters), "headers": _headers(request)}
    return {"route": [destination], **_forwarding(call)}


def _version_not_served(route: table.ModelRoute) -> Json:
    served = ", ".join(map(str, route.versions))
    text = (
        f"model {route.model} has no such version here: ask for one of {served}, "
        "or for none to let the route decide"
    )
    return {
        "name": f"{route.model}.version-not-served",
        "match": [{"uri": {"prefix": f"{protocol.model_path(route.model)}/versions/"}}],
        "directResponse": {"status": 404, "body": {"string": json.dumps({"error": text})}},
    }


def _destination(
    route: table.ModelRoute, call: forwarding.Call, parameters: KubernetesParameters
) -> Json:
    port = parameters.grpc_port if call.wire == "grpc" else parameters.http_port
    return {
        "destination": {
            "host": service_host(route.pool, parameters),
            "port": {"number": port},
        }
    }


def service_host(pool: str, parameters: KubernetesParameters) -> str:
    """Full name of the Service of a pool."""
    return f"{objects.pool_service(pool)}.{parameters.namespace}.svc.cluster.local"


def _headers(request: dict[str, str]) -> Json:
    return {
        "request": {"set": request},
        "response": {"set": assigned.answer(request), "remove": [names.SERVED_HEADER]},
    }


def _forwarding(call: forwarding.Call) -> Json:
    """Deadline and retries, as our own Envoy has them."""
    action = forwarding.to_cluster(call, "")
    policy = action.retry_policy
    # Istio has no deadline of its own, and refuses one of zero.
    timeout = {"timeout": action.timeout.ToJsonString()} if action.timeout.ToSeconds() else {}
    if not policy.num_retries.value:
        return {**timeout, "retries": {"attempts": 0}}
    conditions = policy.retry_on.split(",")
    if policy.retriable_status_codes:
        # Istio writes the codes themselves among the conditions.
        conditions.remove("retriable-status-codes")
        conditions += map(str, policy.retriable_status_codes)
    return {
        **timeout,
        "retries": {
            "attempts": policy.num_retries.value,
            "retryOn": ",".join(conditions),
            "retryIgnorePreviousHosts": bool(policy.retry_host_predicate),
        },
    }


def _exact(path: str) -> Json:
    return {"uri": {"exact": path}}
