"""A VirtualService per model, which finds the model by its host.

What matches none of its routes is answered 404.
"""

from __future__ import annotations

from typing import Any

from mesh import forwarding, names, table
from mesh.targets.istio.ingress import GATEWAY
from mesh.targets.istio.planned import Planned, Refused, planned
from mesh.targets.istio.replicas import service_host
from mesh.targets.kubernetes import assigned, objects
from mesh.targets.kubernetes.parameters import KubernetesParameters

Json = dict[str, Any]


def virtual_service(route: table.ModelRoute, parameters: KubernetesParameters) -> Json:
    """How requests for a model are routed."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": objects.metadata(route.model, parameters.gateway_namespace),
        "spec": {
            "hosts": [parameters.host(route.model)],
            "gateways": [GATEWAY],
            "http": [_route(route, each, parameters) for each in planned(route)],
        },
    }


def _route(
    route: table.ModelRoute, each: Planned | Refused, parameters: KubernetesParameters
) -> Json:
    matched: Json = {"name": each.name, "match": list(each.matches)}
    if isinstance(each, Refused):
        answer = {"status": each.status, "body": {"string": each.body}}
        return {**matched, "directResponse": answer}
    where = _destination(route, each.call, parameters)
    if isinstance(each.to, table.Split):
        # One destination per segment, in order: the bucket table, run-length encoded.
        destinations = [
            {
                **where,
                "weight": segment.size,
                "headers": _headers(assigned.arm(route, each.to, segment.arm)),
            }
            for segment in each.to.table.segments
        ]
    else:
        destinations = [{**where, "headers": _headers(each.to)}]
    return {**matched, "route": destinations, **_forwarding(route, each.call)}


def _destination(
    route: table.ModelRoute, call: forwarding.Call, parameters: KubernetesParameters
) -> Json:
    port = parameters.port(call.wire)
    return {"destination": {"host": service_host(route.pool, parameters), "port": {"number": port}}}


def _headers(request: dict[str, str]) -> Json:
    return {
        "request": {"set": request},
        "response": {"set": assigned.answer(request), "remove": [names.SERVED_HEADER]},
    }


def _forwarding(route: table.ModelRoute, call: forwarding.Call) -> Json:
    """Deadline and retries, as our own Envoy has them."""
    action = forwarding.to_cluster(call, "", route.handling)
    policy = action.retry_policy
    # Istio has no deadline of its own, and refuses one of zero.
    timeout = {"timeout": action.timeout.ToJsonString()} if call is not forwarding.STREAM else {}
    if not policy.num_retries.value:
        return {**timeout, "retries": {"attempts": 0}}
    conditions = policy.retry_on.split(",")
    if policy.retriable_status_codes:
        # Istio writes the codes themselves among the conditions.
        conditions.remove("retriable-status-codes")
        conditions += map(str, policy.retriable_status_codes)
    per_try = {}
    if policy.HasField("per_try_timeout"):
        per_try = {"perTryTimeout": policy.per_try_timeout.ToJsonString()}
    return {
        **timeout,
        "retries": {
            "attempts": policy.num_retries.value,
            **per_try,
            "retryOn": ",".join(conditions),
            "retryIgnorePreviousHosts": bool(policy.retry_host_predicate),
            "backoff": policy.retry_back_off.base_interval.ToJsonString(),
        },
    }
