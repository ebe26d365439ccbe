"""The lines that Envoy writes, one per prediction that it was asked for.

What was assigned comes from metadata that assign.lua wrote at assignment, never
from the answer, so that a request that failed, timed out or was cancelled is
logged as what it was.
"""

from __future__ import annotations

from typing import Any

from mesh import names

LINE = {
    "request_id": "%REQ(x-request-id)%",
    "time_us": "%START_TIME(%s%6f)%",
    "model": f"%REQ({names.MODEL_HEADER})%",
    "experiment": "%DYNAMIC_METADATA(algolink:experiment)%",
    "phase": "%DYNAMIC_METADATA(algolink:phase)%",
    "revision": "%DYNAMIC_METADATA(algolink:revision)%",
    "arm": "%DYNAMIC_METADATA(algolink:arm)%",
    "unit": "%DYNAMIC_METADATA(algolink:unit)%",
    "assigned_version": "%DYNAMIC_METADATA(algolink:version)%",
    "answered_version": "%RESP(x-algolink-version)%",
    "served_version": f"%TRAILER({names.SERVED_HEADER})%",
    "http_status": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS_NUMBER%",
    "flags": "%RESPONSE_FLAGS%",
    "answered_us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "duration_ms": "%DURATION%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "upstream": "%UPSTREAM_HOST%",
}
"""Fields of a line, and where Envoy takes each from; null where there is nothing.

`answered_us` runs from the first byte received to the last byte sent and is
null if the client left before; `duration_ms` is always there, and coarser.
`served_version` is what a gRPC replica says itself, and null for REST.
"""


def access_log(path: str) -> dict[str, Any]:
    """Configuration of the access logger that appends to the file at `path`."""
    return {
        "name": "envoy.access_loggers.file",
        "filter": {
            "or_filter": {
                "filters": [
                    _operation(names.OPERATION_INFER),
                    _operation(names.OPERATION_STREAM),
                ]
            }
        },
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": LINE},
        },
    }


def _operation(value: str) -> dict[str, Any]:
    return {
        "header_filter": {
            "header": {"name": names.OPERATION_HEADER, "string_match": {"exact": value}}
        }
    }
