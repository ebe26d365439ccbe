"""The two listeners of an Envoy beside a mesh agent: clients' data, and control."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import resources
from typing import Any

from mesh import descriptors, exposure_log, local_replies, names, table

_TYPE = "type.googleapis.com/envoy.extensions."
_HCM = _TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager"
_MAX_HEADERS_KB = 96
ADS_SOURCE: dict[str, Any] = {"ads": {}, "resource_api_version": "V3"}
ROUTES_BY_ADS: dict[str, Any] = {
    "rds_config_source": ADS_SOURCE,
    "scoped_rds": {"scoped_rds_config_source": ADS_SOURCE},
}
"""Scopes and routes as the router pushes them."""


def data_listener(
    address: table.Endpoint,
    exposure_log_path: str,
    routes: Mapping[str, Any] = ROUTES_BY_ADS,
    *,
    counted: bool = False,
) -> dict[str, Any]:
    """Takes OIP requests, gRPC and REST, and routes them by model and unit.

    Args:
        address: where it listens.
        exposure_log_path: file that a line per prediction is appended to.
        routes: where scopes and routes come from, as fields of `ScopedRoutes`.
        counted: whether the lines are counted among Envoy's statistics, too.
    """
    manager = {
        **_manager("data"),
        # Sanitised for all clients alike: the ones on loopback are no exception.
        "early_header_mutation_extensions": [_strip_internal_headers()],
        "generate_request_id": True,
        "preserve_external_request_id": False,
        "request_id_extension": {
            "typed_config": {
                "@type": _TYPE + "request_id.uuid.v3.UuidRequestIdConfig",
                # Otherwise the id changes after it was minted, and with it its hash.
                "pack_trace_reason": False,
                "use_request_id_for_trace_sampling": False,
            }
        },
        "normalize_path": True,
        "merge_slashes": True,
        "scoped_routes": {
            "name": "models",
            "scope_key_builder": {
                "fragments": [
                    {
                        "header_value_extractor": {
                            "name": names.MODEL_HEADER,
                            "element_separator": "",
                            "index": 0,
                        }
                    }
                ]
            },
            **routes,
        },
        "http_filters": [
            _content_type_to_metadata(),
            _grpc_web(),
            _field_extraction(),
            _lua("algolink.route", "route.lua"),
            lua_on_demand(names.HOLDOUT_FILTER, names.HOLDOUT_SCRIPT, "hold.lua"),
            _lua(names.ASSIGN_FILTER, "assign.lua"),
            _data_router(exposure_log_path),
        ],
        "local_reply_config": local_replies.local_reply_config(),
        "access_log": [
            exposure_log.access_log(exposure_log_path),
            *([exposure_log.counter()] if counted else ()),
        ],
    }
    return _listener("data", address, manager)


def admin_listener(address: table.Endpoint, clusters: Mapping[str, str]) -> dict[str, Any]:
    """Forwards control services' gRPC calls, by path prefix, to `clusters`."""
    manager = {
        **_manager("control"),
        # Watches may be silent for as long as nothing changes.
        "stream_idle_timeout": "0s",
        "route_config": {
            "name": "admin",
            "virtual_hosts": [
                {
                    "name": "admin",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": prefix},
                            "route": {
                                "cluster": cluster,
                                "timeout": "0s",
                                "retry_policy": {
                                    # Neither has reached the service.
                                    "retry_on": "connect-failure,refused-stream",
                                    "num_retries": 3,
                                    "retry_back_off": {
                                        "base_interval": "0.1s",
                                        "max_interval": "1s",
                                    },
                                },
                            },
                        }
                        for prefix, cluster in sorted(clusters.items())
                    ],
                }
            ],
        },
        "http_filters": [_router()],
    }
    return _listener("admin", address, manager)


def _listener(name: str, address: table.Endpoint, manager: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "address": {"socket_address": {"address": address.host, "port_value": address.port}},
        # A second Envoy on the same port must fail, not take half of the connections.
        "enable_reuse_port": False,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }


def _manager(name: str) -> dict[str, Any]:
    return {
        "@type": _HCM,
        "stat_prefix": name,
        "codec_type": "AUTO",
        "use_remote_address": True,
        "max_request_headers_kb": _MAX_HEADERS_KB,
        "http2_protocol_options": {
            "max_concurrent_streams": 1024,
            # One message must fit in, for its model's name to be read.
            "initial_stream_window_size": names.REQUEST_BODY_LIMIT_BYTES,
            "initial_connection_window_size": 2 * names.REQUEST_BODY_LIMIT_BYTES,
        },
    }


def _strip_internal_headers() -> dict[str, Any]:
    def removed(matcher: dict[str, Any]) -> dict[str, Any]:
        return {"remove_on_match": {"key_matcher": matcher}}

    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": _TYPE + "http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [
                removed({"prefix": "x-al-"}),
                removed({"prefix": "x-envoy-"}),
                {"remove": "x-request-id"},
            ],
        },
    }


def _content_type_to_metadata() -> dict[str, Any]:
    """Keeps the content type for what comes after gRPC-Web was made gRPC."""
    kept = {"metadata_namespace": names.METADATA_NAMESPACE, "key": "content_type", "type": "STRING"}
    return {
        "name": "envoy.filters.http.header_to_metadata",
        "typed_config": {
            "@type": _TYPE + "filters.http.header_to_metadata.v3.Config",
            "request_rules": [{"header": "content-type", "on_header_present": kept}],
        },
    }


def _grpc_web() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.grpc_web",
        "typed_config": {"@type": _TYPE + "filters.http.grpc_web.v3.GrpcWeb"},
    }


def _field_extraction() -> dict[str, Any]:
    encoded = base64.b64encode(descriptors.descriptor_set()).decode()
    return {
        "name": "envoy.filters.http.grpc_field_extraction",
        "typed_config": {
            "@type": _TYPE + "filters.http.grpc_field_extraction.v3.GrpcFieldExtractionConfig",
            "descriptor_set": {"inline_bytes": encoded},
            "extractions_by_method": {
                f"{descriptors.SERVICE}.{method}": {
                    "request_field_extractions": {field: {} for field in fields}
                }
                for method, fields in descriptors.MODEL_METHODS.items()
            },
        },
    }


def _lua(name: str, script: str) -> dict[str, Any]:
    return _lua_filter(name, default_source_code=_source(script))


def lua_on_demand(name: str, script_name: str, script: str) -> dict[str, Any]:
    """A script that runs only for routes that ask for it by its name."""
    return _lua_filter(name, source_codes={script_name: _source(script)})


def _lua_filter(name: str, **sources: Any) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": _TYPE + "filters.http.lua.v3.Lua", **sources}}


def _source(script: str) -> dict[str, str]:
    text = resources.files("mesh").joinpath("lua", script).read_text(encoding="utf-8")
    return {"inline_string": text}


def _data_router(exposure_log_path: str) -> dict[str, Any]:
    """The router of requests, with what every attempt passes through.

    Its filters and logs are of the router and not of clusters, as those of a
    composite cluster's members do not run.
    """
    router = _router()
    router["typed_config"] |= {
        "upstream_http_filters": [
            _lua("algolink.pin", "pin.lua"),
            {
                "name": "envoy.filters.http.upstream_codec",
                "typed_config": {"@type": _TYPE + "filters.http.upstream_codec.v3.UpstreamCodec"},
            },
        ],
        "upstream_log": exposure_log.upstream_logs(exposure_log_path),
    }
    return router


def _router() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": _TYPE + "filters.http.router.v3.Router"},
    }
