"""A snapshot as objects of the Gateway API, and what they leave unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh import attempts, forwarding, table
from mesh.targets.gateway_api import predictions
from mesh.targets.gateway_api.gateway import backend_tls, gateway, grants
from mesh.targets.gateway_api.routes import routes
from mesh.targets.kubernetes import limitations, objects
from mesh.targets.kubernetes.parameters import KubernetesParameters
from mesh.targets.rendering import Limitation, Rendering, model_file, refuse_unknown

TARGET = "gateway-api"


def render(snapshot: table.Snapshot, parameters: KubernetesParameters) -> Rendering:
    """Objects of the standard channel of Gateway API 1.4 or later.

    Raises:
        FailedPrecondition: TARGET_LACKS_FEATURE.
    """
    whole, snapshot = snapshot, limitations.without_foreign(snapshot)
    for route in snapshot.routes.values():
        refuse_unknown(TARGET, route)
    files: dict[str, list[dict[str, Any]]] = {
        "services.yaml": [
            *objects.services(snapshot, parameters),
            *backend_tls(snapshot, parameters),
            *grants(snapshot, parameters),
        ],
        "gateway.yaml": [gateway(parameters)],
    }
    for model, route in sorted(snapshot.routes.items()):
        files[model_file(model)] = list(routes(route, parameters))
    found = {limit for route in snapshot.routes.values() for limit in _limitations(route)}
    found.update(limitations.of_foreign(whole))
    return Rendering(
        target=TARGET,
        revision=whole.revision,
        files={path: held for path, held in files.items() if held},
        limitations=tuple(sorted(found)),
        notes=(
            "A model is named by the host: the model that a message names must be the same.",
            "Its patterns are of RE2: an implementation that takes others may refuse them.",
            "Retries, ejection of replicas, and the deadline of gRPC calls are the "
            "implementation's own: the standard channel has no words for them.",
        ),
    )


def _limitations(route: table.ModelRoute) -> Iterator[Limitation]:
    yield from limitations.of_headers_alone(route)
    yield from limitations.of_rules(route)
    yield from predictions.limitations(route)
    for version in route.killed:
        yield Limitation(
            model=route.model,
            what=f"refusal of REST paths that name version {version}, which is killed",
            so="they are answered 404, as a path that nobody serves",
        )
    if any(forwarding.is_shadowed(route, call) for call in forwarding.CALLS):
        yield Limitation(
            model=route.model,
            what="the shadow",
            so="no copies are made: a mirror cannot be told another version than the request's",
        )
    yield from _of_handling(route)
    split = route.split
    if split is None:
        return
    if route.holdout is not None:
        yield Limitation(
            model=route.model,
            what=f"the holdout of layer {route.holdout.layer}",
            so=f"its units take part in {split.label}: no unit is told from another",
        )
    yield from limitations.of_splits(route, split)
    if split.per_request:
        yield Limitation(
            model=route.model,
            what=f"hash of the request id in {split.label}",
            so="each request draws its arm at random by the weights of the table, and its arm "
            "cannot be computed from its id",
        )
    elif len(split.table.segments) > 1:
        yield Limitation(
            model=route.model,
            what=f"units that keep their arm in {split.label}",
            so="EACH REQUEST of a unit draws its arm anew by the weights of the table: such "
            "traffic must not be analysed as an experiment",
        )
    if not split.per_request:
        yield Limitation(
            model=route.model,
            what="units sent twice, or of more than 128 characters",
            so=f"they take part in {split.label}, where they should go to the champion",
        )


def _of_handling(route: table.ModelRoute) -> Iterator[Limitation]:
    """What a table says, and not the implementation."""
    handling = route.handling
    if handling.timeout_ms != attempts.PLAIN.timeout_ms or handling.attempt_timeout_ms is not None:
        yield Limitation(
            model=route.model,
            what="deadlines of gRPC calls",
            so="they are the implementation's own; REST has those of the table",
        )
    if handling.retries != attempts.PLAIN.retries:
        yield Limitation(
            model=route.model,
            what="retries as the table says them",
            so="what is tried again, and how often, is the implementation's own",
        )
