"""Where requests go without a proxy, by the vectors that other languages are given, too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format

from algolink import names
from algolink.errors import AlgoLinkError
from algolink.proxyless.routing import Decision, Routing
from algolink.router.v1 import router_pb2
from tests.algolink.proxyless import vectors

VECTORS = json.loads(vectors.FILE.read_text())


def routing(case: dict[str, Any]) -> Routing:
    return Routing(json_format.ParseDict(case["route"], router_pb2.Route()))


def decide(case: dict[str, Any], request: dict[str, Any]) -> Decision:
    unit = request["unit"]
    return routing(case).decide(
        unit=unit if names.is_unit(unit) else None,
        attributes=request["attributes"],
        version=request["version"] or None,
        request_id=request["request_id"],
    )


def test_the_vectors_are_those_that_envoy_is_held_to() -> None:
    assert vectors.FILE.read_text() == vectors.text()


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: str(case["name"]))
def test_requests_go_where_the_vectors_say(case: dict[str, Any]) -> None:
    for request in case["requests"]:
        if "error" in request:
            with pytest.raises(AlgoLinkError) as caught:
                decide(case, request)
            assert caught.value.reason == request["error"]
            continue
        decision = decide(case, request)

        assert dict(decision.headers()) == request["headers"]
        assert {
            "experiment": decision.experiment,
            "phase": decision.phase,
            "arm": decision.arm,
            "unit": decision.unit,
        } == request["exposure"]


def test_a_route_that_contradicts_itself_is_refused() -> None:
    route = json_format.ParseDict(VECTORS[0]["route"], router_pb2.Route())
    del route.split.segments[0]

    with pytest.raises(ValueError, match="segments must cover"):
        Routing(route)
