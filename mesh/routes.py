"""Route configurations: one per model, found by the scope that route.lua sets.

Within a model the first route that matches wins: a killed version that the
client named, the version that it named, one that is not served, units that are
overridden, the audiences in order, units that are held out, the split of an
experiment or a shift, the champion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from envoy.config.core.v3 import base_pb2, substitution_format_string_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.config.route.v3 import route_pb2, scoped_route_pb2
from envoy.type.matcher.v3 import regex_pb2, string_pb2
from google.protobuf import any_pb2, wrappers_pb2

from algolink.split import BUCKETS
from mesh import assignment, destinations, forwarding, matchers, names, table
from mesh.forwarding import Call

_DEFAULT_POOL = "default"


def scope(name: str) -> scoped_route_pb2.ScopedRouteConfiguration:
    """Scope of a model, or of the server itself."""
    message = scoped_route_pb2.ScopedRouteConfiguration(name=name, route_configuration_name=name)
    message.key.fragments.add(string_key=name)
    return message


def of_server(pools: Mapping[str, bool]) -> route_pb2.RouteConfiguration:
    """Routes of calls that are about no model.

    Args:
        pools: by name, whether it is of foreign servers.
    """
    return _configuration(names.SERVER_SCOPE, list(_server_routes(pools)))


def of_route(route: table.ModelRoute, *, foreign: bool) -> route_pb2.RouteConfiguration:
    """Routes of one model, whose pool may be of foreign servers."""
    return _configuration(route.model, list(_model_routes(route, foreign=foreign)))


def problems(
    configuration: route_pb2.RouteConfiguration, clusters: Collection[str]
) -> Iterator[str]:
    """What Envoy would refuse, or serve with errors, if only `clusters` are there."""
    for host in configuration.virtual_hosts:
        for route in host.routes:
            if not route.HasField("route"):
                continue
            weighted = route.route.weighted_clusters.clusters
            targets = {c.name for c in weighted} or {route.route.cluster}
            targets |= {policy.cluster for policy in route.route.request_mirror_policies}
            for target in sorted(target for target in targets if target not in clusters):
                yield f"route {route.name} goes to unknown cluster {target}"
            total = sum(c.weight.value for c in weighted)
            if weighted and total != BUCKETS:
                yield f"route {route.name} has weights that sum to {total}, not {BUCKETS}"


def _configuration(name: str, routes: Sequence[components.Route]) -> route_pb2.RouteConfiguration:
    return route_pb2.RouteConfiguration(
        name=name,
        virtual_hosts=[
            components.VirtualHost(
                name=name,
                domains=["*"],
                routes=routes,
                include_request_attempt_count=True,
                include_attempt_count_in_response=True,
                request_body_buffer_limit=wrappers_pb2.UInt64Value(
                    value=names.REQUEST_BODY_LIMIT_BYTES
                ),
            )
        ],
        # Envoy then refuses a route to a cluster that it lacks, and keeps the old one.
        validate_clusters=wrappers_pb2.BoolValue(value=True),
    )


def _server_routes(pools: Mapping[str, bool]) -> Iterator[components.Route]:
    if not pools:
        return
    pool = _DEFAULT_POOL if _DEFAULT_POOL in pools else min(pools)
    for call in forwarding.calls(foreign=pools[pool]):
        if names.OPERATION_SERVER in call.operations:
            yield _route(
                f"server-{call.name}",
                call,
                action=forwarding.to_cluster(call, names.pool_cluster(pool, call.wire)),
            )


def _model_routes(route: table.ModelRoute, *, foreign: bool) -> Iterator[components.Route]:
    calls = forwarding.calls(foreign=foreign)
    for version in route.killed:
        yield _version_killed(route, version)
    for version in route.versions:
        requested = _equals(names.REQUESTED_VERSION_HEADER, str(version))
        for call in calls:
            context = assignment.explicit(route, version, call)
            yield _to_pool(f"version-{version}-{call.name}", call, route, context, requested)
    yield _version_not_served(route)
    for number, (units, version) in enumerate(matchers.overridden(route.overrides), start=1):
        for call in calls:
            name = f"override-{number}-{call.name}"
            yield _select(name, call, route, version, units, _PREDICTION)
    for number, each in enumerate(route.audiences, start=1):
        meant = [*matchers.attributes(each.conditions), _PREDICTION]
        for call in calls:
            name = f"audience-{number}-"
            if each.version is not None:
                yield _select(name + call.name, call, route, each.version, *meant)
                continue
            yield from _split(name, call, route, *meant)
            context = assignment.champion(route, call)
            yield _predict(f"{name}champion-{call.name}", call, route, context, *meant)
    for call in calls:
        yield from _split("", call, route, _PREDICTION)
    for call in calls:
        context = assignment.champion(route, call)
        if forwarding.is_shadowed(route, call):
            name = f"champion-predict-{call.name}"
            yield _predict(name, call, route, context, _PREDICTION)
        yield _to_pool(f"champion-{call.name}", call, route, context)


def _select(
    name: str,
    call: Call,
    route: table.ModelRoute,
    version: int,
    *matchers: components.HeaderMatcher,
) -> components.Route:
    """Sends predictions to a version that an override or an audience names."""
    cluster = destinations.selected(route, version, call.wire)
    action = forwarding.to_cluster(call, cluster, route.handling)
    if forwarding.is_shadowed(route, call):
        forwarding.add_shadow(action, route, call)
    context = assignment.explicit(route, route.unkilled(version), call)
    return _route(name, call, *matchers, action=action, context=context)


def _predict(
    name: str,
    call: Call,
    route: table.ModelRoute,
    context: Mapping[str, any_pb2.Any],
    *matchers: components.HeaderMatcher,
) -> components.Route:
    """Sends predictions to the pool, and copies of them to the shadow."""
    predict = _to_pool(name, call, route, context, *matchers)
    if forwarding.is_shadowed(route, call):
        forwarding.add_shadow(predict.route, route, call)
    return predict


def _to_pool(
    name: str,
    call: Call,
    route: table.ModelRoute,
    context: Mapping[str, any_pb2.Any],
    *matchers: components.HeaderMatcher,
) -> components.Route:
    cluster = names.pool_cluster(route.pool, call.wire)
    action = forwarding.to_cluster(call, cluster, route.handling)
    return _route(name, call, *matchers, action=action, context=context)


def _split(
    prefix: str, call: Call, route: table.ModelRoute, *matchers: components.HeaderMatcher
) -> Iterator[components.Route]:
    """Sends to the arm of the bucket; held-out units, which the first pass has marked, to none.

    A request comes to the split first: the holdout's filter runs for what is chosen
    there, marks the request if its unit is held out, and has it routed again.
    """
    split, holdout = route.split, route.holdout
    if split is None:
        return
    if holdout is not None:
        context = assignment.champion(route, call)
        name = f"{prefix}held-{call.name}"
        yield _predict(name, call, route, context, _present(names.HELD_HEADER), *matchers)
    hashed = "x-request-id" if split.per_request else names.UNIT_HEADER
    action = forwarding.to_split(
        call, _weighted(call, route, split), _salted(hashed, split.salt), route.handling
    )
    if forwarding.is_shadowed(route, call):
        forwarding.add_shadow(action, route, call)
    kind = "experiment" if split.experiment else "shift"
    context = assignment.held_out(holdout) if holdout is not None else {}
    name = f"{prefix}{kind}-{call.name}"
    yield _route(name, call, _present(hashed), *matchers, action=action, context=context)


def _weighted(
    call: Call, route: table.ModelRoute, split: table.Split
) -> components.WeightedCluster:
    """The bucket table, run-length encoded: one entry per segment, in order.

    Envoy takes the hash modulo the sum of the weights and walks the entries, so
    the entry that it stops at is the segment that the bucket is in.
    """
    weighted = components.WeightedCluster(use_hash_policy=wrappers_pb2.BoolValue(value=True))
    for segment in split.table.segments:
        entry = weighted.clusters.add(
            name=_cluster_of(call, route, split, segment.arm),
            weight=wrappers_pb2.UInt32Value(value=segment.size),
        )
        for filter_name, packed in assignment.arm(route, split, segment.arm, call).items():
            entry.typed_per_filter_config[filter_name].CopyFrom(packed)
    return weighted


def _cluster_of(call: Call, route: table.ModelRoute, split: table.Split, arm: str) -> str:
    # A killed arm keeps its buckets and its exposures; the champion answers.
    if arm == split.control or split.versions[arm] in route.killed:
        return names.pool_cluster(route.pool, call.wire)
    if assignment.falls_back(route, split, arm, call):
        return destinations.with_fallback(route, split, arm, call.wire)
    return destinations.arm(route, split, arm, call.wire)


def _salted(header: str, salt: str) -> components.RouteAction.HashPolicy:
    """Hashes `salt:value`, as `algolink.split.bucket` does."""
    return components.RouteAction.HashPolicy(
        header=components.RouteAction.HashPolicy.Header(
            header_name=header,
            regex_rewrite=regex_pb2.RegexMatchAndSubstitute(
                pattern=regex_pb2.RegexMatcher(regex="^(.+)$"), substitution=rf"{salt}:\1"
            ),
        ),
        terminal=True,
    )


def _version_killed(route: table.ModelRoute, version: int) -> components.Route:
    return _refusal(
        f"version-{version}-killed",
        _equals(names.REQUESTED_VERSION_HEADER, str(version)),
        status=412,
        text=f"version {version} of model {route.model} is killed: {_ask_for(route)}",
    )


def _version_not_served(route: table.ModelRoute) -> components.Route:
    return _refusal(
        "version-not-served",
        _present(names.REQUESTED_VERSION_HEADER),
        status=404,
        text=f"model {route.model} has no version %REQ({names.REQUESTED_VERSION_HEADER})% here: "
        + _ask_for(route),
    )


def _ask_for(route: table.ModelRoute) -> str:
    served = ", ".join(map(str, route.versions))
    return f"ask for one of {served}, or for none to let the route decide"


def _refusal(
    name: str, matcher: components.HeaderMatcher, *, status: int, text: str
) -> components.Route:
    return components.Route(
        name=name,
        match=components.RouteMatch(prefix="/", headers=[matcher]),
        direct_response=components.DirectResponseAction(
            status=status,
            body_format=substitution_format_string_pb2.SubstitutionFormatString(
                text_format_source=base_pb2.DataSource(inline_string=text)
            ),
        ),
    )


def _route(
    name: str,
    call: Call,
    *matchers: components.HeaderMatcher,
    action: components.RouteAction,
    context: Mapping[str, any_pb2.Any] | None = None,
) -> components.Route:
    route = components.Route(
        name=name,
        match=components.RouteMatch(prefix="/", headers=[*matchers, *_of(call)]),
        route=action,
    )
    if call.is_grpc:
        route.match.grpc.SetInParent()
    for filter_name, packed in (context or {}).items():
        route.typed_per_filter_config[filter_name].CopyFrom(packed)
    return route


def _of(call: Call) -> list[components.HeaderMatcher]:
    """Matchers that tell `call` from the ones of the same wire that come after it."""
    if call.is_stream:
        return [_equals(names.OPERATION_HEADER, names.OPERATION_STREAM)]
    return []


def _equals(header: str, value: str) -> components.HeaderMatcher:
    return components.HeaderMatcher(name=header, string_match=string_pb2.StringMatcher(exact=value))


def _present(header: str) -> components.HeaderMatcher:
    return components.HeaderMatcher(name=header, present_match=True)


def _not_equal(header: str, value: str) -> components.HeaderMatcher:
    matcher = _equals(header, value)
    matcher.invert_match = True
    return matcher


# Asking for metadata exposes nobody to an arm, and is no matter of a shadow.
_PREDICTION = _not_equal(names.OPERATION_HEADER, names.OPERATION_INFO)
