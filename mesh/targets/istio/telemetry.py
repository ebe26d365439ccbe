"""The exposure log: one line per prediction, with what the route assigned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from mesh import exposure_log, names
from mesh.targets.istio.ingress import gateway_labels
from mesh.targets.kubernetes import assigned, objects, protocol
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

PROVIDER = "algolink-exposures"
_PATH = "/var/log/algolink/exposure.log"

_FROM_HEADERS = {
    "model": "%REQ(:authority)%",
    "experiment": f"%REQ({assigned.REQUEST_HEADERS['experiment']})%",
    "phase": f"%REQ({assigned.REQUEST_HEADERS['phase']})%",
    "revision": f"%REQ({assigned.REQUEST_HEADERS['revision']})%",
    "arm": f"%REQ({assigned.REQUEST_HEADERS['arm']})%",
    "unit": f"%REQ({names.UNIT_HEADER})%",
    "assigned_version": f"%REQ({assigned.VERSION})%",
}
"""Fields of a line that our own Envoy takes from its filters."""


def telemetry(parameters: KubernetesParameters) -> Iterator[Json]:
    """Has the gateway log predictions by a provider, and says what the provider is."""
    infer = " || ".join(
        f"request.url_path.endsWith('/{ending}')"
        for ending in (protocol.INFER, protocol.STREAM, "infer")
    )
    yield {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": objects.metadata("algolink-exposures", parameters.gateway_namespace),
        "spec": {
            "selector": {"matchLabels": gateway_labels(parameters)},
            "accessLogging": [
                {
                    "providers": [{"name": PROVIDER}],
                    "filter": {
                        "expression": f"request.host.contains('.{parameters.domain}') && ({infer})"
                    },
                }
            ],
        },
    }
    provider = {
        "name": PROVIDER,
        "envoyFileAccessLog": {
            "path": _PATH,
            "logFormat": {"labels": {**exposure_log.LINE, **_FROM_HEADERS}},
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": objects.metadata("algolink-mesh-config", parameters.gateway_namespace),
        "data": {
            "extensionProviders.yaml": yaml.safe_dump(
                {"extensionProviders": [provider]}, sort_keys=False, width=1_000
            )
        },
    }
