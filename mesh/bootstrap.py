"""The bootstrap of an Envoy beside a mesh agent: what it knows without a router."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mesh import listeners, table

_ADS_CLUSTER = "algolink.ads"
_REGISTRY_CLUSTER = "algolink.registry"
_EXPERIMENT_CLUSTER = "algolink.experiment"
_EXPERIMENT_HTTP_CLUSTER = "algolink.experiment.http"
_ROUTER_CLUSTER = "algolink.router"

_PREFIXES = {
    "/algolink.registry.v1.": _REGISTRY_CLUSTER,
    "/algolink.experiment.v1.": _EXPERIMENT_CLUSTER,
    "/algolink.router.v1.": _ROUTER_CLUSTER,
    # gRPC clients without a proxy; an Envoy asks the router itself.
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources": (
        _ROUTER_CLUSTER
    ),
}
_HTTP_PREFIXES = {
    "/ofrep/v1/": _EXPERIMENT_HTTP_CLUSTER,
    "/v1/outcomes:": _EXPERIMENT_HTTP_CLUSTER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapParams:
    """What differs between one Envoy and another.

    Attributes:
        node_id: unique among the Envoys of the router.
        node_cluster: name of the fleet that it belongs to.
        router: gRPC server of the router, which also serves ADS.
        registry: gRPC server of the registry.
        experiment: gRPC server of the experiment service.
        data: where clients' requests come in; an IP address and a port.
        admin: where control calls come in; an IP address and a port.
        token: presented to the router.
        exposure_log_path: file that a line per prediction is appended to.
        admin_socket_path: Unix socket of Envoy's own admin interface, at most
            100 bytes; relative to Envoy's working directory if it is not absolute.
        more_routers: other routers that may be asked as well: Envoy goes to another
            when the one that it is connected to is gone.
        experiment_http: HTTP server of the experiment service; None where flags
            are not evaluated and outcomes do not come by HTTP.
    """

    node_id: str
    node_cluster: str = "algolink"
    router: table.Endpoint
    registry: table.Endpoint
    experiment: table.Endpoint
    data: table.Endpoint
    admin: table.Endpoint
    token: str = field(repr=False)
    exposure_log_path: str
    admin_socket_path: str
    more_routers: tuple[table.Endpoint, ...] = ()
    experiment_http: table.Endpoint | None = None


def bootstrap(params: BootstrapParams) -> dict[str, Any]:
    """Envoy's bootstrap as JSON values; equal parameters make equal ones.

    It holds `params.token`, so it is to be kept from other users' eyes.
    """
    routers = (params.router, *params.more_routers)
    return {
        "node": {"id": params.node_id, "cluster": params.node_cluster},
        "admin": {"address": {"pipe": {"path": params.admin_socket_path, "mode": 0o600}}},
        "dynamic_resources": {
            "ads_config": _ads(params.token),
            "cds_config": listeners.ADS_SOURCE,
        },
        "static_resources": {
            "listeners": [
                listeners.data_listener(params.data, params.exposure_log_path, counted=True),
                listeners.admin_listener(
                    params.admin, _PREFIXES | (_HTTP_PREFIXES if params.experiment_http else {})
                ),
            ],
            "clusters": [
                _control_cluster(_ADS_CLUSTER, *routers, keepalive=True),
                _control_cluster(_REGISTRY_CLUSTER, params.registry),
                _control_cluster(_EXPERIMENT_CLUSTER, params.experiment),
                _control_cluster(_ROUTER_CLUSTER, *routers),
                *(
                    [_control_cluster(_EXPERIMENT_HTTP_CLUSTER, params.experiment_http, http=1)]
                    if params.experiment_http
                    else []
                ),
            ],
        },
        **process_limits(),
    }


def process_limits() -> dict[str, Any]:
    """Limits of an Envoy as a whole, whatever it is told to route."""
    return {
        "layered_runtime": {
            "layers": [
                {
                    "name": "algolink",
                    "static_layer": {"re2.max_program_size.error_level": 5_000},
                }
            ]
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors"
                        ".downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": 50_000,
                    },
                }
            ]
        },
    }


def _ads(token: str) -> dict[str, Any]:
    return {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [
            {
                "envoy_grpc": {
                    "cluster_name": _ADS_CLUSTER,
                    "retry_policy": {
                        "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}
                    },
                },
                "initial_metadata": [{"key": "authorization", "value": f"Bearer {token}"}],
            }
        ],
    }


def _control_cluster(
    name: str, *servers: table.Endpoint, http: int = 2, keepalive: bool = False
) -> dict[str, Any]:
    protocol = "http2_protocol_options" if http == 2 else "http_protocol_options"
    # A router that hangs would hold the stream for ever, and with it all changes.
    alive = {"connection_keepalive": {"interval": "5s", "timeout": "3s"}} if keepalive else {}
    return {
        "name": name,
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": 1_024, "max_pending_requests": 8_192, "max_requests": 8_192}
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3"
                ".HttpProtocolOptions",
                "explicit_http_config": {protocol: alive},
            }
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {
                    "lb_endpoints": [
                        {
                            "endpoint": {
                                "address": {
                                    "socket_address": {
                                        "address": server.host,
                                        "port_value": server.port,
                                    }
                                }
                            }
                        }
                        for server in servers
                    ]
                }
            ],
        },
    }
