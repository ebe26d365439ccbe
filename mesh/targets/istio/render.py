"""A snapshot as Istio's objects, and what they leave unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh import forwarding, table
from mesh.targets.istio import matches
from mesh.targets.istio.destinations import destination_rule
from mesh.targets.istio.ingress import gateway, unit_filter
from mesh.targets.istio.patches import patches
from mesh.targets.istio.replicas import limitations as replica_limitations
from mesh.targets.istio.replicas import replicas
from mesh.targets.istio.routes import virtual_service
from mesh.targets.istio.security import security
from mesh.targets.istio.telemetry import telemetry
from mesh.targets.kubernetes import limitations, objects
from mesh.targets.kubernetes.parameters import KubernetesParameters
from mesh.targets.rendering import Limitation, Rendering, model_file, refuse_unknown

TARGET = "istio"


def render(snapshot: table.Snapshot, parameters: KubernetesParameters) -> Rendering:
    """Objects for Istio 1.26 or later, 1.28 for shadows.

    Raises:
        FailedPrecondition: TARGET_LACKS_FEATURE.
    """
    whole, snapshot = snapshot, limitations.without_foreign(snapshot)
    for route in snapshot.routes.values():
        refuse_unknown(TARGET, route)
    files: dict[str, list[dict[str, Any]]] = {
        "services.yaml": list(replicas(snapshot, parameters)),
        "destinations.yaml": [
            destination_rule(pool, parameters) for pool in objects.routed_pools(snapshot)
        ],
        "ingress.yaml": [gateway(parameters), unit_filter(parameters)],
        "security.yaml": list(security(parameters)),
        "telemetry.yaml": list(telemetry(parameters)),
    }
    for model, route in sorted(snapshot.routes.items()):
        files[model_file(model)] = [
            virtual_service(route, parameters),
            *patches(snapshot, route, parameters),
        ]
    found = {limit for route in snapshot.routes.values() for limit in _limitations(route)}
    found.update(limitations.of_foreign(whole))
    found.update(replica_limitations(snapshot, parameters))
    return Rendering(
        target=TARGET,
        revision=whole.revision,
        files={path: held for path, held in files.items() if held},
        limitations=tuple(sorted(found)),
        notes=(
            "Merge extensionProviders.yaml of ConfigMap algolink-mesh-config into the mesh config.",
            "A model is named by the host: the model that a message names must be the same.",
            "Copies for a shadow need Istio 1.28: earlier ones do not take their EnvoyFilter.",
        ),
    )


def _limitations(route: table.ModelRoute) -> Iterator[Limitation]:
    yield from limitations.of_headers_alone(route)
    yield from limitations.of_rules(route)
    yield from matches.limitations(route)
    retries = route.handling.retries
    if retries.number and retries.max_backoff_ms != 10 * retries.backoff_ms:
        yield Limitation(
            model=route.model,
            what=f"pauses of at most {retries.max_backoff_ms} ms between attempts",
            so=f"they grow up to ten times the first, which is {10 * retries.backoff_ms} ms",
        )
    if any(forwarding.is_shadowed(route, call) for call in forwarding.CALLS):
        yield Limitation(
            model=route.model,
            what="limits and log lines of the shadow's own",
            so="copies share the limits of the pool, and no line says what became of them",
        )
    if route.split is None:
        return
    yield from limitations.of_splits(route, route.split)
    if route.split.per_request:
        yield Limitation(
            model=route.model,
            what=f"hash of the request id in {route.split.label}",
            so="each request draws its arm at random by the weights of the table: its arm is in "
            "the log, but cannot be computed from its id",
        )
