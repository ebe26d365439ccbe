"""A snapshot as gRPC's own xDS clients take it: `xds:///<model>` without a proxy.

Such a client computes no hash, reads no body and adds no header. So it says
itself which bucket it computed and which version that stands for, and its routes
let pass only what the table says: once a client has taken a table, no request of
its can leave for a version that the table no longer names. A request that says
nothing goes to the pool, whose replicas answer with the champion.

Names: a listener and a route configuration have the model's id, a cluster and its
endpoints the name that Envoy knows them by.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, KeysView, Mapping

from envoy.config.cluster.v3 import circuit_breaker_pb2, cluster_pb2
from envoy.config.core.v3 import base_pb2, config_source_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import api_listener_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)
from envoy.type.matcher.v3 import string_pb2
from envoy.type.v3 import range_pb2
from google.protobuf import message, wrappers_pb2

from mesh import attempts, clusters, destinations, fallback, forwarding, names, table
from mesh.attempts import Failure
from mesh.names import Wire
from mesh.resources import CDS, EDS, LDS, RDS, Resource, named

TYPES = (LDS, RDS, CDS, EDS)
"""In the order in which a client asks for them: what refers to others comes first."""

_MAX_RETRIES = 4
"""More are not made by a gRPC client."""

_STATUSES = {
    Failure.CONNECT: "unavailable",
    Failure.REFUSED: "unavailable",
    Failure.RESET: "unavailable",
}
"""What a gRPC client calls failures that it has no word for."""

_LOCALITY = base_pb2.Locality(region="algolink")


class Proxyless:
    """Everything that clients without a proxy may ask for, made when it is asked for.

    Attributes:
        by_type: resources by name, by type URL; holds every one of `TYPES`.
    """

    def __init__(self, snapshot: table.Snapshot) -> None:
        self._snapshot = snapshot
        led_to = {
            name: (pool, limits.requests)
            for name, pool, wire, limits in clusters.listed(snapshot)
            if names.is_grpc(wire)
        }
        self.by_type: Mapping[str, Mapping[str, Resource]] = {
            LDS: _Made(snapshot.routes, _listener),
            RDS: _Made(snapshot.routes, self._configuration),
            CDS: _Made(led_to, lambda name: _cluster(name, led_to[name][1])),
            EDS: _Made(led_to, lambda name: _endpoints(name, led_to[name][0])),
        }

    @property
    def models(self) -> KeysView[str]:
        """Models that have a route."""
        return self._snapshot.routes.keys()

    def clusters(self, model: str) -> frozenset[str]:
        """Names of the clusters that the routes of `model` lead to."""
        return frozenset(each.route.cluster for each in self._model_routes(model))

    def _model_routes(self, model: str) -> list[components.Route]:
        route = self._snapshot.routes[model]
        return list(_routes(route, foreign=self._snapshot.pools[route.pool].foreign))

    def _configuration(self, model: str) -> route_pb2.RouteConfiguration:
        retries = self._snapshot.routes[model].handling.retries
        return route_pb2.RouteConfiguration(
            name=model,
            virtual_hosts=[
                components.VirtualHost(
                    name=model,
                    domains=["*"],
                    routes=self._model_routes(model),
                    retry_policy=_retry(retries) if retries.number else None,
                )
            ],
        )


class _Made(Mapping[str, Resource]):
    """Resources that are made when they are first looked at: a client wants few of many."""

    def __init__(self, names: Collection[str], make: Callable[[str], message.Message]) -> None:
        self._names = names
        self._make = make
        self._made: dict[str, Resource] = {}

    def __getitem__(self, name: str) -> Resource:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made |= named([(name, self._make(name))])
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def limitations(route: table.ModelRoute, *, foreign: bool) -> tuple[str, ...]:
    """What `route` says that clients without a proxy do not do, a sentence each.

    Args:
        foreign: whether its pool is.
    """
    return tuple(_limitations(route, foreign))


def _limitations(route: table.ModelRoute, foreign: bool) -> Iterator[str]:
    split, handling = route.split, route.handling
    if foreign:
        yield "a request that names no version is not sent: the servers would choose one"
    if split is not None:
        helped = [arm for arm in sorted(split.versions) if fallback.applies(route, split, arm)]
        if helped:
            answers = fallback.answers(route, split)
            yield f"version {answers} does not answer where {', '.join(helped)} fails"
    if forwarding.is_shadowed(route, forwarding.UNARY):
        assert route.shadow is not None  # noqa: S101 - is_shadowed says so
        yield f"version {route.shadow.version} gets no copies of requests"
    if handling.attempt_timeout_ms is not None:
        yield f"an attempt may take longer than {handling.attempt_timeout_ms} ms"
    if handling.retries.number > _MAX_RETRIES:
        yield f"a request is tried again {_MAX_RETRIES} times, not {handling.retries.number}"
    if handling.limits.pending != attempts.Limits().pending:
        yield "requests that wait for a connection are not limited"


def _listener(model: str) -> listener_pb2.Listener:
    manager = manager_pb2.HttpConnectionManager(
        rds=manager_pb2.Rds(config_source=_ads(), route_config_name=model)
    )
    router = manager.http_filters.add(name="envoy.filters.http.router")
    router.typed_config.Pack(router_pb2.Router(), deterministic=True)
    listener = listener_pb2.Listener(name=model, api_listener=api_listener_pb2.ApiListener())
    listener.api_listener.api_listener.Pack(manager, deterministic=True)
    return listener


def _routes(route: table.ModelRoute, *, foreign: bool) -> Iterator[components.Route]:
    """The first that matches wins; a request that none matches is not sent."""
    wire: Wire = "foreign-grpc" if foreign else "grpc"
    pool = names.pool_cluster(route.pool, wire)
    if route.split is not None:
        yield from _split(route, route.split, wire)
    by_itself = _absent(names.BUCKET_HEADER)
    selected = route.selected()
    for version in route.versions:
        cluster = destinations.selected(route, version, wire) if version in selected else pool
        pinned = _equals(names.VERSION_HEADER, str(version))
        yield _route(f"version-{version}", cluster, pinned, by_itself)
    if not foreign:
        yield _route("champion", pool, _absent(names.VERSION_HEADER), by_itself)


def _split(route: table.ModelRoute, split: table.Split, wire: Wire) -> Iterator[components.Route]:
    pool = names.pool_cluster(route.pool, wire)
    for segment in split.table.segments:
        version = split.versions[segment.arm]
        is_pool = segment.arm == split.control or version in route.killed
        bounds = range_pb2.Int64Range(start=segment.start, end=segment.end)
        yield _route(
            f"buckets-{segment.start}",
            pool if is_pool else destinations.arm(route, split, segment.arm, wire),
            components.HeaderMatcher(name=names.BUCKET_HEADER, range_match=bounds),
            _equals(names.VERSION_HEADER, str(route.unkilled(version))),
        )


def _route(name: str, cluster: str, *matchers: components.HeaderMatcher) -> components.Route:
    return components.Route(
        name=name,
        match=components.RouteMatch(prefix="", headers=matchers),
        route=components.RouteAction(cluster=cluster),
    )


def _equals(header: str, value: str) -> components.HeaderMatcher:
    return components.HeaderMatcher(name=header, string_match=string_pb2.StringMatcher(exact=value))


def _absent(header: str) -> components.HeaderMatcher:
    return components.HeaderMatcher(name=header, present_match=True, invert_match=True)


def _retry(retries: attempts.Retries) -> components.RetryPolicy:
    """Another replica of the same version may answer, as behind Envoy."""
    return components.RetryPolicy(
        retry_on=",".join(dict.fromkeys(_STATUSES.get(on, str(on)) for on in retries.on)),
        num_retries=wrappers_pb2.UInt32Value(value=min(retries.number, _MAX_RETRIES)),
        retry_back_off=components.RetryPolicy.RetryBackOff(
            base_interval=forwarding.duration(retries.backoff_ms),
            max_interval=forwarding.duration(retries.max_backoff_ms),
        ),
    )


def _cluster(name: str, max_requests: int) -> cluster_pb2.Cluster:
    return cluster_pb2.Cluster(
        name=name,
        type=cluster_pb2.Cluster.EDS,
        eds_cluster_config=cluster_pb2.Cluster.EdsClusterConfig(
            eds_config=_ads(), service_name=name
        ),
        lb_policy=cluster_pb2.Cluster.ROUND_ROBIN,
        circuit_breakers=circuit_breaker_pb2.CircuitBreakers(
            thresholds=[
                circuit_breaker_pb2.CircuitBreakers.Thresholds(
                    max_requests=wrappers_pb2.UInt32Value(value=max_requests)
                )
            ]
        ),
    )


def _endpoints(name: str, pool: table.Pool) -> endpoint_pb2.ClusterLoadAssignment:
    assignment = endpoint_pb2.ClusterLoadAssignment(cluster_name=name)
    if pool.grpc:
        # A gRPC client ignores a locality without a name or a weight.
        assignment.endpoints.add(
            locality=_LOCALITY,
            load_balancing_weight=wrappers_pb2.UInt32Value(value=1),
            lb_endpoints=map(clusters.endpoint, pool.grpc),
        )
    return assignment


def _ads() -> config_source_pb2.ConfigSource:
    return config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(), resource_api_version=config_source_pb2.V3
    )
