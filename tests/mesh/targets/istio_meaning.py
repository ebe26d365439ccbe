"""What Istio's objects of one model mean for a request, by its documentation.

A second reading, apart from `istiod.py`, which makes a real Envoy of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import re2
import xxhash

from tests.mesh.targets.requests import Goal, Request

Json = dict[str, Any]


def goals(objects: Sequence[Json], request: Request) -> dict[Goal, int]:
    """Weight of each goal that the request may reach; one of weight 1 if it is decided."""
    headers = _normalised(request.headers)
    route = _chosen(objects, request, headers)
    if route is None:
        return {Goal(status=404): 1}
    if "directResponse" in route:
        return {Goal(status=int(route["directResponse"]["status"])): 1}
    destinations = route["route"]
    if len(destinations) == 1:
        return {_goal(destinations[0]): 1}
    total = sum(destination["weight"] for destination in destinations)
    patched = _patches(objects, route["name"])
    if patched.get("weighted_clusters", {}).get("use_hash_policy"):
        [policy] = patched["hash_policy"]
        left = _hash(policy["header"], headers) % total
        for destination in destinations:
            left -= destination["weight"]
            if left < 0:
                return {_goal(destination): 1}
    weights: dict[Goal, int] = {}
    for destination in destinations:
        goal = _goal(destination)
        weights[goal] = weights.get(goal, 0) + destination["weight"]
    return weights


def copies(objects: Sequence[Json], request: Request) -> list[tuple[str, float]]:
    """Version of each copy that may be made of a request, and its share."""
    route = _chosen(objects, request, _normalised(request.headers))
    if route is None:
        return []
    found = []
    for policy in _patches(objects, route.get("name", "")).get("request_mirror_policies", ()):
        set_headers = {
            mutation["append"]["header"]["key"]: mutation["append"]["header"]["value"]
            for mutation in policy["request_headers_mutations"]
            if "append" in mutation
        }
        fraction = policy["runtime_fraction"]["default_value"]
        assert fraction["denominator"] == "TEN_THOUSAND"
        found.append((set_headers["x-al-version"], fraction["numerator"] / 10_000))
    return found


def _normalised(sent: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What the gateway's filter makes of headers: one well-formed value, or none."""
    values: dict[str, list[str]] = {}
    for name, value in sent:
        values.setdefault(name, []).append(value)
    found: dict[str, str] = {}
    for name, [first, *more] in values.items():
        if name == "x-algolink-unit":
            if not more and re.fullmatch(r"[A-Za-z0-9._:@+/=-]{1,128}", first):
                found["x-al-unit"] = first
        elif not more and re.fullmatch(r"[ -~]{1,256}", first):
            found[name.replace("x-algolink-attr-", "x-al-attr-")] = first
    return found


def _chosen(objects: Sequence[Json], request: Request, headers: dict[str, str]) -> Json | None:
    """The route that is chosen; twice, where the filter of holdouts marks the request."""
    route = _first(objects, request, headers)
    patched = _patches(objects, route["name"]) if route is not None else {}
    for asked in patched.get("typed_per_filter_config", {}).values():
        context, unit = asked["filter_context"], headers.get("x-al-unit")
        if unit is not None:
            bucket = xxhash.xxh64_intdigest(f"{context['layer']}:{unit}".encode()) % 10_000
            if bucket < int(context["share_bp"]):
                headers["x-al-held"] = "true"
                return _first(objects, request, headers)
    return route


def _first(objects: Sequence[Json], request: Request, headers: Mapping[str, str]) -> Json | None:
    [service] = [o for o in objects if o["kind"] == "VirtualService"]
    for route in service["spec"]["http"]:
        if any(_matches(match, request.path, headers) for match in route["match"]):
            found: Json = route
            return found
    return None


def _matches(match: Json, path: str, headers: Mapping[str, str]) -> bool:
    assert match.keys() <= {"uri", "headers", "withoutHeaders"}
    return (
        _is(match["uri"], path)
        and all(
            name in headers and _is(test, headers[name])
            for name, test in match.get("headers", {}).items()
        )
        and not any(
            _is(test, headers.get(name, ""))
            for name, test in match.get("withoutHeaders", {}).items()
        )
    )


def _is(test: Json, value: str) -> bool:
    [(kind, wanted)] = test.items()
    if kind == "exact":
        return bool(value == wanted)
    if kind == "prefix":
        return value.startswith(wanted)
    return re2.fullmatch(wanted, value) is not None


def _patches(objects: Sequence[Json], route: str) -> Json:
    merged: Json = {}
    for patched in objects:
        if patched["kind"] == "EnvoyFilter":
            for patch in patched["spec"]["configPatches"]:
                if (
                    patch["applyTo"] == "HTTP_ROUTE"
                    and patch["match"]["routeConfiguration"]["vhost"]["route"]["name"] == route
                ):
                    value = patch["patch"]["value"]
                    merged |= value.get("route", {})
                    merged |= {key: held for key, held in value.items() if key != "route"}
    return merged


def _hash(policy: Json, headers: Mapping[str, str]) -> int:
    rewrite = policy["regex_rewrite"]
    value = re.sub(
        rewrite["pattern"]["regex"], rewrite["substitution"], headers[policy["header_name"]]
    )
    return xxhash.xxh64_intdigest(value.encode())


def _goal(destination: Json) -> Goal:
    told = destination["headers"]["request"]["set"]
    return Goal(
        int(told["x-al-version"]), told.get("x-al-arm", ""), told.get("x-al-experiment", "")
    )
