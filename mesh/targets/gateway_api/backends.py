"""Backends of a route: a pool's Service, told which version to run."""

from __future__ import annotations

from typing import Any

from algolink.errors import FailedPrecondition
from mesh import names, table
from mesh.names import Wire
from mesh.targets.kubernetes import assigned, objects
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

_MAX_BACKENDS = 16
"""Backends of one rule that the Gateway API allows."""


def backend(
    route: table.ModelRoute,
    wire: Wire,
    request: dict[str, str],
    parameters: KubernetesParameters,
    weight: int | None = None,
) -> Json:
    """The Service of the route's pool, with the headers of an assignment."""
    # A client's own word for what we did not assign.
    foreign = sorted({*assigned.REQUEST_HEADERS.values()} - request.keys())
    return {
        "name": objects.pool_service(route.pool),
        "namespace": parameters.namespace,
        "port": parameters.port(wire),
        **({} if weight is None else {"weight": weight}),
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {
                    "set": _pairs(request),
                    **({"remove": foreign} if foreign else {}),
                },
            },
            {
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {
                    "set": _pairs(assigned.answer(request)),
                    "remove": [names.SERVED_HEADER],
                },
            },
        ],
    }


def arms(
    route: table.ModelRoute, split: table.Split, wire: Wire, parameters: KubernetesParameters
) -> list[Json]:
    """A backend per arm, with the weight of its buckets.

    Raises:
        FailedPrecondition: TARGET_LACKS_FEATURE, if there are too many arms.
    """
    weights = split.table.weights()
    if len(weights) > _MAX_BACKENDS:
        raise FailedPrecondition(
            "TARGET_LACKS_FEATURE",
            f"{split.label} has {len(weights)} arms with traffic: gateway-api "
            f"takes {_MAX_BACKENDS} in a rule; render it for envoy or istio",
            model=route.model,
            target="gateway-api",
            features="arms",
        )
    return [
        backend(route, wire, assigned.arm(route, split, arm), parameters, weight)
        for arm, weight in weights.items()
    ]


def _pairs(headers: dict[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in headers.items()]
