"""Where requests come in: a gateway, and the filter that reads their unit."""

from __future__ import annotations

from importlib import resources
from typing import Any

from mesh import listeners, names
from mesh.targets.kubernetes import objects
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]

GATEWAY = "algolink"
_UNIT_FILTER = "algolink.unit"
LUA_TYPE = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"


def gateway(parameters: KubernetesParameters) -> Json:
    """Listens for the hosts of all models."""
    hosts = [f"*.{parameters.domain}"]
    server: Json = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": hosts}
    if parameters.tls_secret:
        server = {
            "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
            "hosts": hosts,
            "tls": {"mode": "SIMPLE", "credentialName": parameters.tls_secret},
        }
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": objects.metadata(GATEWAY, parameters.gateway_namespace),
        "spec": {"selector": gateway_labels(parameters), "servers": [server]},
    }


def unit_filter(parameters: KubernetesParameters) -> Json:
    """Lets one well-formed unit pass, and no header of ours that a client sent.

    No match of Istio's tells one header from two of the same name. After it comes the
    filter that looks for held-out units, where a route asks for it.
    """
    script = resources.files("mesh").joinpath("lua", "unit.lua").read_text(encoding="utf-8")
    holdout = listeners.lua_on_demand(names.HOLDOUT_FILTER, names.HOLDOUT_SCRIPT, "hold.lua")
    manager = "envoy.filters.network.http_connection_manager"
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": objects.metadata("algolink-unit", parameters.gateway_namespace),
        "spec": {
            "workloadSelector": {"labels": gateway_labels(parameters)},
            "configPatches": [
                {
                    "applyTo": "HTTP_FILTER",
                    "match": {
                        "context": "GATEWAY",
                        "listener": {"filterChain": {"filter": {"name": manager}}},
                    },
                    "patch": {
                        "operation": "INSERT_FIRST",
                        "value": {
                            "name": _UNIT_FILTER,
                            "typed_config": {
                                "@type": LUA_TYPE,
                                "default_source_code": {"inline_string": script},
                            },
                        },
                    },
                },
                {
                    "applyTo": "HTTP_FILTER",
                    "match": {
                        "context": "GATEWAY",
                        "listener": {
                            "filterChain": {
                                "filter": {"name": manager, "subFilter": {"name": _UNIT_FILTER}}
                            }
                        },
                    },
                    "patch": {"operation": "INSERT_AFTER", "value": holdout},
                },
            ],
        },
    }


def gateway_labels(parameters: KubernetesParameters) -> dict[str, str]:
    """Labels of the gateway's pods."""
    return {"istio": parameters.gateway}
