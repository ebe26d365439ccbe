"""The vectors that Envoy and `algolink.audience` are held to, by the meaning of other meshes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from algolink import audience
from mesh import table
from mesh.targets import gateway_api, istio
from mesh.targets.kubernetes.parameters import KubernetesParameters
from tests.mesh import builders
from tests.mesh.targets import gateway_meaning, istio_meaning
from tests.mesh.targets.requests import Request

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "audiences.json").read_text())
PARAMETERS = KubernetesParameters()


def _is_told_apart(vector: dict[str, Any]) -> bool:
    """Whether the Gateway API holds it: what is sent twice, or too long, it is said not to."""
    attributes = vector["attributes"].values()
    return all(len(values) == 1 and len(values[0]) <= 256 for values in attributes)


@pytest.mark.parametrize("target", ["istio", "gateway-api"])
def test_other_meshes_hold_conditions_as_the_vectors_say(target: str) -> None:
    off, held = [], 0
    for vector in VECTORS:
        conditions = tuple(map(audience.from_json, vector["conditions"]))
        route = builders.a_route(audiences=(table.Audience(conditions=conditions, version=2),))
        request = Request(units=("user-1",), attributes=vector["attributes"])
        snapshot = builders.a_snapshot(route)
        if target == "istio":
            files = istio.render(snapshot, PARAMETERS).files
            goals = istio_meaning.goals([o for each in files.values() for o in each], request)
        elif _is_told_apart(vector):
            files = gateway_api.render(snapshot, PARAMETERS).files
            objects = [o for each in files.values() for o in each]
            goals = gateway_meaning.goals(objects, PARAMETERS.host("digits"), request)
        else:
            continue
        held += 1
        if ({goal.version for goal, weight in goals.items() if weight} == {2}) != vector["holds"]:
            off.append(vector)

    assert not off
    assert held > 80
