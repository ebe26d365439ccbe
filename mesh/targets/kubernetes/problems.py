"""What an apiserver takes and a mesh then refuses, or serves with errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.filters.http.lua.v3 import lua_pb2 as lua_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2,
)
from google.protobuf import json_format, message

Json = Mapping[str, Any]

_RETRY_CONDITIONS = frozenset(
    {
        *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure"),
        *("retriable-4xx", "refused-stream", "retriable-status-codes", "retriable-headers"),
        *("envoy-ratelimited", "http3-post-connect-failure"),
        *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
    }
)

_ENVOY_TYPES = frozenset({"type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"})
"""Types that a filter of ours may be of."""


def problems(objects: Sequence[Json]) -> Iterator[str]:
    """What is wrong with objects that are to be applied together, a sentence each."""
    yield from _duplicates("object", map(_identity, objects))
    for object_ in objects:
        spec = object_.get("spec") or {}
        for problem in _of_kind(str(object_.get("kind")), spec):
            yield f"{_label(object_)}: {problem}"
    services = set(_service_hosts(objects))
    names = {r.get("name") for o in objects for r in _virtual_routes(o)}
    for object_ in objects:
        for name in _patched_routes(object_):
            if name not in names:
                yield f"{_label(object_)}: it patches route {name}, which is in no VirtualService"
        for host in _istio_hosts(object_):
            if host not in services:
                yield f"{_label(object_)}: host {host} is no Service and no ServiceEntry here"


def _of_kind(kind: str, spec: Json) -> Iterator[str]:
    if kind == "VirtualService":
        yield from _virtual_service(spec)
    elif kind == "DestinationRule":
        yield from _duplicates("subset", (s.get("name") for s in spec.get("subsets") or ()))
    elif kind in ("GRPCRoute", "HTTPRoute"):
        for number, rule in enumerate(spec.get("rules") or ()):
            yield from _weights(f"rule {number}", rule.get("backendRefs") or (), default=1)
    elif kind == "EnvoyFilter":
        for patch in spec.get("configPatches") or ():
            yield from _patch(patch)


def _virtual_service(spec: Json) -> Iterator[str]:
    routes = spec.get("http") or ()
    yield from _duplicates("route", (route.get("name") for route in routes))
    for number, route in enumerate(routes):
        where = f"route {route.get('name', number)}"
        yield from _weights(where, route.get("route") or (), default=0)
        conditions = str((route.get("retries") or {}).get("retryOn", "")).split(",")
        for condition in filter(None, conditions):
            if condition not in _RETRY_CONDITIONS and not _is_status(condition):
                yield f"{where}: {condition!r} is no condition to retry on"
        percents = [
            (m.get("percentage") or {}).get("value", 100) for m in route.get("mirrors") or ()
        ]
        percents.append((route.get("mirrorPercentage") or {}).get("value", 0))
        yield from _mirrors(where, percents)


def _weights(where: str, targets: Sequence[Json], *, default: int) -> Iterator[str]:
    weights = [target.get("weight", default) for target in targets]
    if any(weight < 0 for weight in weights):
        yield f"{where}: a weight is negative"
    if len(weights) > 1 and sum(weights) == 0:
        yield f"{where}: all weights are 0"


def _patch(patch: Json) -> Iterator[str]:
    value = (patch.get("patch") or {}).get("value") or {}
    if patch.get("applyTo") == "HTTP_FILTER":
        kind = (value.get("typed_config") or {}).get("@type")
        if kind not in _ENVOY_TYPES:
            yield f"filter {value.get('name')} is of unknown type {kind}"
        else:
            yield from _not_of_envoy(value, http_connection_manager_pb2.HttpFilter())
    if patch.get("applyTo") == "HTTP_ROUTE":
        yield from _not_of_envoy(value, components.Route())
        route = value.get("route") or {}
        if (route.get("weighted_clusters") or {}).get("use_hash_policy") and not route.get(
            "hash_policy"
        ):
            yield "a table of buckets lacks its hash"
        fractions = [
            (policy.get("runtime_fraction") or {}).get("default_value") or {}
            for policy in route.get("request_mirror_policies") or ()
        ]
        yield from _mirrors("a copy", map(_percent, fractions))


def _not_of_envoy(value: Json, body: message.Message) -> Iterator[str]:
    """What Envoy has no field, or no extension, for."""
    try:
        json_format.ParseDict(dict(value), body)
    except json_format.ParseError as error:
        yield f"Envoy would not take the patch: {error}"


_DENOMINATORS = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}


def _percent(fraction: Json) -> float:
    whole = _DENOMINATORS[str(fraction.get("denominator", "HUNDRED"))]
    return 100 * float(fraction.get("numerator", 0)) / whole


def _mirrors(where: str, percents: Iterable[float]) -> Iterator[str]:
    for percent in percents:
        if not 0 <= percent <= 100:
            yield f"{where}: it mirrors {percent:g} %"


def _patched_routes(object_: Json) -> Iterator[str]:
    if object_.get("kind") != "EnvoyFilter":
        return
    for patch in (object_.get("spec") or {}).get("configPatches") or ():
        vhost = ((patch.get("match") or {}).get("routeConfiguration") or {}).get("vhost") or {}
        if "name" in (vhost.get("route") or {}):
            yield vhost["route"]["name"]


def _virtual_routes(object_: Json) -> Sequence[Json]:
    return (
        (object_.get("spec") or {}).get("http") or ()
        if object_.get("kind") == "VirtualService"
        else ()
    )


def _service_hosts(objects: Sequence[Json]) -> Iterator[str]:
    for object_ in objects:
        _, kind, namespace, name = _identity(object_)
        if kind == "Service":
            yield f"{name}.{namespace}.svc.cluster.local"
        if kind == "ServiceEntry":
            yield from (object_.get("spec") or {}).get("hosts") or ()


def _istio_hosts(object_: Json) -> Iterator[str]:
    if object_.get("kind") == "DestinationRule":
        yield str(object_["spec"].get("host"))
    for route in _virtual_routes(object_):
        for target in route.get("route") or ():
            yield str(target["destination"]["host"])


def _identity(object_: Json) -> tuple[str, str, str, str]:
    metadata = object_.get("metadata") or {}
    return (
        str(object_.get("apiVersion", "")).partition("/")[0],
        str(object_.get("kind")),
        str(metadata.get("namespace", "")),
        str(metadata.get("name")),
    )


def _label(object_: Json) -> str:
    _, kind, _, name = _identity(object_)
    return f"{kind} {name}"


def _duplicates(what: str, found: Iterable[object]) -> Iterator[str]:
    for one, count in Counter(found).items():
        if one is not None and count > 1:
            shown = " ".join(filter(None, one)) if isinstance(one, tuple) else one
            yield f"{what} {shown} is there {count} times"


def _is_status(text: str) -> bool:
    return text.isdigit() and 100 <= int(text) <= 599
