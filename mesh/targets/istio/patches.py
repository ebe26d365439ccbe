"""What only Envoy can express, as patches of the routes that Istio makes.

Sticky buckets: Istio makes a weighted cluster of several destinations, in their
order, and a patch has Envoy choose among them by the hash of the unit, as our own
does. Holdouts: their hash is a second one, which a filter takes where a route asks
for it. Shadows: Istio's mirrors cannot be told which version to run, Envoy's can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.config.route.v3 import route_pb2

from mesh import assignment, forwarding, resources, table
from mesh.targets.istio.ingress import gateway_labels
from mesh.targets.istio.planned import Planned, planned
from mesh.targets.istio.replicas import cluster
from mesh.targets.kubernetes import objects
from mesh.targets.kubernetes.parameters import KubernetesParameters
from mesh.targets.plain import plain

Json = dict[str, Any]


def patches(
    snapshot: table.Snapshot, route: table.ModelRoute, parameters: KubernetesParameters
) -> Iterator[Json]:
    """EnvoyFilters of a model: its buckets, holdout and shadow, where it has them."""
    routes = [each for each in planned(route) if isinstance(each, Planned)]
    hashed = [each.name for each in routes if each.is_hashed]
    if hashed:
        value = {"hash_policy": [_hash_policy(snapshot, route)]}
        by_hash = {"route": {**value, "weighted_clusters": {"use_hash_policy": True}}}
        patched = dict.fromkeys(hashed, by_hash)
        yield _filter(objects.name("buckets", route.model), patched, parameters)
    held = {each.name: _looking_for(each.holdout) for each in routes if each.holdout is not None}
    if held:
        yield _filter(objects.name("holdout", route.model), held, parameters)
    copied = {
        each.name: {"route": {"request_mirror_policies": [_mirror(route, each.call, parameters)]}}
        for each in routes
        if each.is_copied
    }
    if copied:
        yield _filter(objects.name("shadow", route.model), copied, parameters)


def _filter(name: str, values: Mapping[str, Json], parameters: KubernetesParameters) -> Json:
    """Merges each route, by name, with what is given."""
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": objects.metadata(name, parameters.gateway_namespace),
        "spec": {
            "workloadSelector": {"labels": gateway_labels(parameters)},
            "configPatches": [
                {
                    "applyTo": "HTTP_ROUTE",
                    "match": {
                        "context": "GATEWAY",
                        "routeConfiguration": {
                            "vhost": {"route": {"name": route, "action": "ROUTE"}}
                        },
                    },
                    "patch": {"operation": "MERGE", "value": value},
                }
                for route, value in values.items()
            ],
        },
    }


def _looking_for(holdout: table.Holdout) -> Json:
    """As our own Envoy has its filter look for held-out units."""
    filters = assignment.held_out(holdout)
    return {"typed_per_filter_config": {name: plain(any_) for name, any_ in filters.items()}}


def _mirror(
    route: table.ModelRoute, call: forwarding.Call, parameters: KubernetesParameters
) -> Json:
    """As our own Envoy mirrors, but to the pool's cluster."""
    action = components.RouteAction()
    forwarding.add_shadow(action, route, call)
    [policy] = action.request_mirror_policies
    policy.cluster = cluster(route.pool, parameters.port(call.wire), parameters)
    return plain(policy)


def _hash_policy(snapshot: table.Snapshot, route: table.ModelRoute) -> Json:
    """As our own Envoy's routes of the model have it."""
    [policy, *others] = _hash_policies(snapshot, route)
    if any(other != policy for other in others):
        raise ValueError(f"{route.model} hashes in several ways")
    return policy


def _hash_policies(snapshot: table.Snapshot, route: table.ModelRoute) -> Sequence[Json]:
    alone = table.Snapshot(
        routes={route.model: route}, pools={route.pool: snapshot.pools[route.pool]}
    )
    configuration = route_pb2.RouteConfiguration()
    resources.build(alone).by_type[resources.RDS][route.model].body.Unpack(configuration)
    return [
        plain(policy)
        for host in configuration.virtual_hosts
        for each in host.routes
        for policy in each.route.hash_policy
    ]
