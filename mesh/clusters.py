"""Clusters and their endpoints.

A pool has one cluster per wire, which the champions of all its models share. An
arm that is not its experiment's control has clusters of its own, so that a
failing candidate uses up its own breakers only, and one that joins them with the
champion's, attempt by attempt. A version that overrides or audiences name has
clusters of its own, and so has a shadow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envoy.config.cluster.v3 import circuit_breaker_pb2, cluster_pb2, outlier_detection_pb2
from envoy.config.core.v3 import (
    address_pb2,
    config_source_pb2,
    health_check_pb2,
    protocol_pb2,
)
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from envoy.type.v3 import percent_pb2
from google.protobuf import any_pb2, duration_pb2, wrappers_pb2

from mesh import attempts, composite, destinations, fallback, names, table
from mesh.names import Wire

WIRES: tuple[Wire, ...] = ("grpc", "http")
FOREIGN_WIRES: tuple[Wire, ...] = ("foreign-grpc", "foreign-http")

_POOL_LIMITS = attempts.Limits(requests=8_192, pending=8_192)
_WINDOW_UPDATES_PER_FRAME = 10_000
_SHADOW_LIMITS = attempts.Limits(requests=128, pending=128)
"""More copies than these at once are dropped: a shadow must not crowd out answers."""
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def of_pool(pool: table.Pool) -> Iterator[cluster_pb2.Cluster]:
    """Clusters of a pool's replicas."""
    for name, wire, limits in _of_pool(pool):
        yield _cluster(name, wire, limits)


def of_route(route: table.ModelRoute, *, foreign: bool) -> Iterator[cluster_pb2.Cluster]:
    """Clusters that only this route sends to.

    Each takes its endpoints from the resource of its name, but for those that
    are composed of others.

    Args:
        foreign: whether the route's pool is of foreign servers.
    """
    for name, wire, limits in _of_route(route, _wires(foreign=foreign)):
        yield _cluster(name, wire, limits)
    yield from _fallbacks(route, _wires(foreign=foreign))


def endpoints_of_pool(pool: table.Pool) -> Iterator[endpoint_pb2.ClusterLoadAssignment]:
    """Endpoints of `of_pool`; those of a pool without replicas are empty."""
    for name, wire, _ in _of_pool(pool):
        yield _assignment(name, pool, wire)


def endpoints_of_route(
    route: table.ModelRoute, pool: table.Pool
) -> Iterator[endpoint_pb2.ClusterLoadAssignment]:
    """Endpoints of `of_route`: those of the route's pool."""
    for name, wire, _ in _of_route(route, _wires(foreign=pool.foreign)):
        yield _assignment(name, pool, wire)


def listed(
    snapshot: table.Snapshot,
) -> Iterator[tuple[str, table.Pool, Wire, attempts.Limits]]:
    """Name, replicas, wire and limits of all that are not composed of others."""
    for pool in snapshot.pools.values():
        for name, wire, limits in _of_pool(pool):
            yield name, pool, wire, limits
    for route in snapshot.routes.values():
        pool = snapshot.pools[route.pool]
        for name, wire, limits in _of_route(route, _wires(foreign=pool.foreign)):
            yield name, pool, wire, limits


def _assignment(name: str, pool: table.Pool, wire: Wire) -> endpoint_pb2.ClusterLoadAssignment:
    servers = pool.grpc if names.is_grpc(wire) else pool.http
    return endpoint_pb2.ClusterLoadAssignment(
        cluster_name=name,
        endpoints=[
            endpoint_components_pb2.LocalityLbEndpoints(
                lb_endpoints=[endpoint(server) for server in servers]
            )
        ]
        if servers
        else [],
    )


def _of_pool(pool: table.Pool) -> Iterator[tuple[str, Wire, attempts.Limits]]:
    """Name, wire and limits of each."""
    for wire in _wires(foreign=pool.foreign):
        yield names.pool_cluster(pool.name, wire), wire, _POOL_LIMITS


def _of_route(
    route: table.ModelRoute, wires: Sequence[Wire]
) -> Iterator[tuple[str, Wire, attempts.Limits]]:
    """The same of those that are the route's own."""
    for wire in wires:
        for name in _limited(route, wire):
            yield name, wire, route.handling.limits
        if route.shadow is not None:
            yield names.shadow_cluster(route.model, wire), wire, _SHADOW_LIMITS


def _wires(*, foreign: bool) -> tuple[Wire, ...]:
    return FOREIGN_WIRES if foreign else WIRES


def _limited(route: table.ModelRoute, wire: Wire) -> Iterator[str]:
    """Clusters of versions beside the champion; of those too that are the champion just now."""
    split = route.split
    if split is not None:
        for arm in sorted(split.versions.keys() - {split.control}):
            yield destinations.arm(route, split, arm, wire)
    for version in sorted(route.selected()):
        yield destinations.own(route, version, wire)


def _fallbacks(route: table.ModelRoute, wires: Sequence[Wire]) -> Iterator[cluster_pb2.Cluster]:
    split = route.split
    if split is None:
        return
    for arm in sorted(split.versions):
        if fallback.is_prepared(route, split, arm):
            for wire in wires:
                yield _composite(
                    destinations.with_fallback(route, split, arm, wire),
                    fallback.clusters(route, split, arm, wire),
                    route.handling.limits,
                )


def _composite(name: str, members: Sequence[str], limits: attempts.Limits) -> cluster_pb2.Cluster:
    # Retries are counted here; connections and requests at the members.
    return cluster_pb2.Cluster(
        name=name,
        connect_timeout=duration_pb2.Duration(seconds=1),
        lb_policy=cluster_pb2.Cluster.CLUSTER_PROVIDED,
        cluster_type=cluster_pb2.Cluster.CustomClusterType(
            name="envoy.clusters.composite", typed_config=composite.config(members)
        ),
        circuit_breakers=_breakers(limits),
    )


def endpoint(server: table.Endpoint) -> endpoint_components_pb2.LbEndpoint:
    """One server of a cluster."""
    return endpoint_components_pb2.LbEndpoint(
        endpoint=endpoint_components_pb2.Endpoint(
            address=address_pb2.Address(
                socket_address=address_pb2.SocketAddress(
                    address=server.host, port_value=server.port
                )
            )
        ),
        health_status=health_check_pb2.HEALTHY,
    )


def _cluster(name: str, wire: Wire, limits: attempts.Limits) -> cluster_pb2.Cluster:
    cluster = cluster_pb2.Cluster(
        name=name,
        type=cluster_pb2.Cluster.EDS,
        eds_cluster_config=cluster_pb2.Cluster.EdsClusterConfig(
            service_name=name,
            eds_config=config_source_pb2.ConfigSource(
                ads=config_source_pb2.AggregatedConfigSource(),
                resource_api_version=config_source_pb2.V3,
            ),
        ),
        connect_timeout=duration_pb2.Duration(seconds=1),
        lb_policy=cluster_pb2.Cluster.LEAST_REQUEST,
        common_lb_config=cluster_pb2.Cluster.CommonLbConfig(
            # Otherwise unhealthy replicas get traffic as soon as half of them are.
            healthy_panic_threshold=percent_pb2.Percent(value=0)
        ),
        circuit_breakers=_breakers(limits),
        outlier_detection=_connect_level_outliers(),
        ignore_health_on_host_removal=True,
    )
    packed = any_pb2.Any()
    packed.Pack(_protocol(wire), deterministic=True)
    cluster.typed_extension_protocol_options[_HTTP_OPTIONS].CopyFrom(packed)
    return cluster


def _breakers(limits: attempts.Limits) -> circuit_breaker_pb2.CircuitBreakers:
    limit = wrappers_pb2.UInt32Value(value=limits.requests)
    return circuit_breaker_pb2.CircuitBreakers(
        thresholds=[
            circuit_breaker_pb2.CircuitBreakers.Thresholds(
                max_connections=limit,
                # The pending limit counts while a cold pool connects: below
                # max_requests it would refuse what the pool could serve.
                max_pending_requests=wrappers_pb2.UInt32Value(value=limits.pending),
                max_requests=limit,
                # Every request of a replica that dies is tried on another one.
                max_retries=limit,
            )
        ]
    )


def _connect_level_outliers() -> outlier_detection_pb2.OutlierDetection:
    """Ejects a replica that cannot be reached, never one that answers with errors.

    A model that fails must not take the replica away from the other models.
    """
    zero = wrappers_pb2.UInt32Value(value=0)
    return outlier_detection_pb2.OutlierDetection(
        split_external_local_origin_errors=True,
        consecutive_local_origin_failure=wrappers_pb2.UInt32Value(value=3),
        enforcing_consecutive_local_origin_failure=wrappers_pb2.UInt32Value(value=100),
        enforcing_local_origin_success_rate=zero,
        enforcing_consecutive_5xx=zero,
        enforcing_consecutive_gateway_failure=zero,
        enforcing_success_rate=zero,
        enforcing_failure_percentage=zero,
        enforcing_failure_percentage_local_origin=zero,
        interval=duration_pb2.Duration(seconds=1),
        base_ejection_time=duration_pb2.Duration(seconds=1),
        max_ejection_time=duration_pb2.Duration(seconds=10),
        max_ejection_percent=wrappers_pb2.UInt32Value(value=50),
    )


def _protocol(wire: Wire) -> http_protocol_options_pb2.HttpProtocolOptions:
    options = http_protocol_options_pb2.HttpProtocolOptions
    # Idle connections close before a second keepalive ping: a gRPC server takes
    # repeated pings on a connection without data for abuse.
    common = protocol_pb2.HttpProtocolOptions(idle_timeout=duration_pb2.Duration(seconds=25))
    if not names.is_grpc(wire):
        return options(
            common_http_protocol_options=common,
            explicit_http_config=options.ExplicitHttpConfig(
                http_protocol_options=protocol_pb2.Http1ProtocolOptions()
            ),
        )
    return options(
        common_http_protocol_options=common,
        explicit_http_config=options.ExplicitHttpConfig(
            http2_protocol_options=protocol_pb2.Http2ProtocolOptions(
                connection_keepalive=protocol_pb2.KeepaliveSettings(
                    interval=duration_pb2.Duration(seconds=20),
                    timeout=duration_pb2.Duration(seconds=10),
                ),
                initial_stream_window_size=wrappers_pb2.UInt32Value(
                    value=names.REQUEST_BODY_LIMIT_BYTES
                ),
                initial_connection_window_size=wrappers_pb2.UInt32Value(
                    value=names.REQUEST_BODY_LIMIT_BYTES
                ),
                # A gRPC server sends one for each message of a stream, of which a
                # frame holds thousands; the default of 10 takes that for an attack,
                # and every call on the connection down with it.
                max_inbound_window_update_frames_per_data_frame_sent=wrappers_pb2.UInt32Value(
                    value=_WINDOW_UPDATES_PER_FRAME
                ),
            )
        ),
    )
