"""Makes `tests/vectors/proxyless.json` of the routes that Envoy and `explain` are held to.

Usage: python -m tests.algolink.proxyless.vectors
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from algolink import split
from mesh import table
from router_svc import convert
from router_svc.domain.records import RouteRevision

FOLDER = Path(__file__).parents[2] / "vectors"
FILE = FOLDER / "proxyless.json"
MADE_OF = FOLDER / "routes.json"
_REQUEST_ID = "6f1f3a52-6a0e-4c3c-8f0f-3d9c7f6b2a10"


def made() -> list[dict[str, Any]]:
    """Content of the file."""
    known = json.loads(MADE_OF.read_text())
    by_request = json.loads(json.dumps(known[0]))
    by_request["name"] = "each request is its own unit"
    by_request["route"] = {
        **{key: by_request["route"][key] for key in ("model", "pool", "champion", "versions")},
        "split": {**by_request["route"]["split"], "per_request": True},
    }
    by_request["requests"] = [
        _per_request(by_request["route"]["split"], unit) for unit in ("", "u")
    ]
    return [_case(case) for case in [*known, by_request]]


def _per_request(routed: dict[str, Any], unit: str) -> dict[str, Any]:
    bucket = split.bucket(routed["salt"], _REQUEST_ID)
    [arm] = [arm for start, end, arm in routed["segments"] if start <= bucket < end]
    version = routed["versions"][arm]
    return {"unit": unit, "attributes": {}, "named": 0, "version": version, "arm": arm}


def _case(case: dict[str, Any]) -> dict[str, Any]:
    route = table.route_from_json(case["route"])
    revision = RouteRevision(
        model=route.model, sequence=1, route=route, time=datetime(2026, 11, 21, tzinfo=UTC)
    )
    message = convert.route_to_proto(revision, live=True, pending=())
    return {
        "name": case["name"],
        "route": json_format.MessageToDict(message),
        "requests": [_request(route, request) for request in case["requests"]],
    }


def _request(route: table.ModelRoute, request: dict[str, Any]) -> dict[str, Any]:
    asked = {
        "unit": request["unit"],
        "attributes": request["attributes"],
        "version": request["named"],
        "request_id": _REQUEST_ID,
    }
    if not request["version"]:
        killed = request["named"] in route.killed
        return {**asked, "error": "VERSION_KILLED" if killed else "VERSION_NOT_SERVED"}
    headers = {"x-al-version": str(request["version"])}
    exposure = {"experiment": "", "phase": 0, "arm": "", "unit": ""}
    routed = route.split
    if routed is not None and request["arm"]:
        hashed = _REQUEST_ID if routed.per_request else request["unit"]
        headers["x-al-bucket"] = str(split.bucket(routed.salt, hashed))
        if routed.experiment:
            exposure = {
                "experiment": routed.experiment,
                "phase": routed.phase,
                "arm": request["arm"],
                "unit": hashed,
            }
    return {**asked, "headers": headers, "exposure": exposure}


def text() -> str:
    """The file as it is written."""
    return json.dumps(made(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
