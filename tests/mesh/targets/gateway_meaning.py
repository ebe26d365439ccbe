"""What GRPCRoutes and HTTPRoutes mean for a request, by the Gateway API's specification.

Precedence of matches, from the specification of `GRPCRouteRule` and of
`HTTPRouteRule`: the most specific path or method, then the most headers; between
equals of several routes the oldest route and then the first by name, of which a
test can know the latter; between equals of one route the first rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import re2

from tests.mesh.targets.requests import Goal, Request

Json = dict[str, Any]


def goals(objects: Sequence[Json], host: str, request: Request) -> dict[Goal, int]:
    """Weight of each goal that the request may reach; one of weight 1 if it is decided."""
    kind = "HTTPRoute" if request.call == "http" else "GRPCRoute"
    found = [
        (precedence, rule)
        for route in objects
        if route["kind"] == kind and host in route["spec"]["hostnames"]
        for position, rule in enumerate(route["spec"]["rules"])
        for precedence in _precedences(rule, request, (route["metadata"]["name"], position))
    ]
    if not found:
        return {Goal(status=404): 1}
    _, chosen = min(found, key=lambda held: held[0])
    backends = chosen["backendRefs"]
    if len(backends) == 1:
        return {_goal(backends[0]): 1}
    weights: dict[Goal, int] = {}
    for backend in backends:
        goal = _goal(backend)
        weights[goal] = weights.get(goal, 0) + backend.get("weight", 1)
    return weights


def _precedences(rule: Json, request: Request, place: tuple[str, int]) -> Iterator[tuple[Any, ...]]:
    """How specific each match is that the request fulfils: the smallest is chosen."""
    for match in rule["matches"]:
        headers = match.get("headers", [])
        assert len({header["name"].lower() for header in headers}) == len(headers) <= 16
        if _is_called(match, request) and all(_passes(header, request) for header in headers):
            # All are exact: of the same length where they match the same request.
            yield (-len(headers), *place)


def _is_called(match: Json, request: Request) -> bool:
    if "path" in match:
        assert match["path"]["type"] == "Exact"
        return bool(match["path"]["value"] == request.path)
    method = match["method"]
    assert method["type"] == "Exact"
    return bool(f"/{method['service']}/{method['method']}" == request.path)


def _passes(wanted: Json, request: Request) -> bool:
    values = [value for name, value in request.headers if name == wanted["name"].lower()]
    if not values:
        return False
    [value] = values
    if wanted["type"] == "Exact":
        return bool(value == wanted["value"])
    return re2.search(wanted["value"], value) is not None


def _goal(backend: Json) -> Goal:
    [told] = [
        {header["name"]: header["value"] for header in each["requestHeaderModifier"]["set"]}
        for each in backend["filters"]
        if each["type"] == "RequestHeaderModifier"
    ]
    return Goal(
        int(told["x-al-version"]), told.get("x-al-arm", ""), told.get("x-al-experiment", "")
    )
