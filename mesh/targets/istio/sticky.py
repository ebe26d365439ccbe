"""Sticky buckets, which only Envoy can express: a patch of Istio's routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envoy.config.route.v3 import route_pb2
from google.protobuf import json_format

from mesh import forwarding, resources, table
from mesh.targets.istio.ingress import gateway_labels
from mesh.targets.istio.routes import split_route_name
from mesh.targets.kubernetes import objects
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]


def sticky(
    snapshot: table.Snapshot, route: table.ModelRoute, parameters: KubernetesParameters
) -> Iterator[Json]:
    """Makes the weights of a split on units a table of buckets.

    Istio makes a weighted cluster of several destinations, in their order. The
    patch has Envoy choose among them by the hash of the unit, as our own does.
    """
    if not needs_hash(route):
        return
    [policy, *others] = _hash_policies(snapshot, route.model)
    if any(other != policy for other in others):
        raise ValueError(f"{route.model} hashes in several ways")
    yield {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": objects.metadata(
            objects.name("buckets", route.model), parameters.gateway_namespace
        ),
        "spec": {
            "workloadSelector": {"labels": gateway_labels(parameters)},
            "configPatches": [
                {
                    "applyTo": "HTTP_ROUTE",
                    "match": {
                        "context": "GATEWAY",
                        "routeConfiguration": {
                            "vhost": {
                                "route": {
                                    "name": split_route_name(route, call),
                                    "action": "ROUTE",
                                }
                            }
                        },
                    },
                    "patch": {
                        "operation": "MERGE",
                        "value": {
                            "route": {
                                "hash_policy": [policy],
                                "weighted_clusters": {"use_hash_policy": True},
                            }
                        },
                    },
                }
                for call in forwarding.CALLS
            ],
        },
    }


def needs_hash(route: table.ModelRoute) -> bool:
    """Whether units are told apart; with one segment all go the same way."""
    split = route.split
    return split is not None and not split.per_request and len(split.table.segments) > 1


def _hash_policies(snapshot: table.Snapshot, model: str) -> Iterator[Json]:
    """As our own Envoy's routes of the model have them."""
    configuration = route_pb2.RouteConfiguration()
    resources.build(snapshot).by_type[resources.RDS][model].body.Unpack(configuration)
    for host in configuration.virtual_hosts:
        for route in host.routes:
            for policy in route.route.hash_policy:
                # Through JSON: the message's own values are no plain mappings.
                yield json_format.MessageToDict(policy, preserving_proto_field_name=True)
