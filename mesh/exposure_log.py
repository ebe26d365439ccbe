"""The lines that Envoy writes: one per prediction that it was asked for, and what became
of it on the way.

What was assigned comes from what assign.lua wrote at assignment, never from the
answer, so that a request that failed, timed out or was cancelled is logged as
what it was. Attempts and shadows are lines of their own, in the same file. A
request that was answered at the first attempt has no line for that attempt: it
would say the same again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mesh import names

LINE = {
    "kind": "request",
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
    "content_type": "%DYNAMIC_METADATA(algolink:content_type)%",
    "web_status": "%DYNAMIC_METADATA(algolink:web_status)%",
    "web_version": "%DYNAMIC_METADATA(algolink:web_version)%",
    "flags": "%RESPONSE_FLAGS%",
    "answered_us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "duration_ms": "%DURATION%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "upstream": "%UPSTREAM_HOST%",
}
"""Fields of a line, and where Envoy takes each from; null where there is nothing.

`answered_us` runs from the first byte received to the last byte sent and is
null if the client left before; `duration_ms` is always there, and coarser.
`served_version` is what a gRPC replica says itself, and null for REST. Where the
client speaks gRPC-Web there are no trailers left when the line is written, so
assign.lua notes status and version as `web_status` and `web_version`.
"""


UPSTREAM_LINE = {
    "request_id": "%REQ(x-request-id)%",
    "time_us": "%START_TIME(%s%6f)%",
    "model": f"%REQ({names.MODEL_HEADER})%",
    "experiment": "%REQ(x-al-experiment)%",
    "phase": "%REQ(x-al-phase)%",
    "revision": "%REQ(x-al-revision)%",
    "arm": "%REQ(x-al-arm)%",
    "unit": f"%REQ({names.UNIT_HEADER})%",
    "assigned_version": f"%REQ({names.VERSION_HEADER})%",
    "answered_version": f"%RESP({names.SERVED_HEADER})%",
    "served_version": f"%TRAILER({names.SERVED_HEADER})%",
    "http_status": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS_NUMBER%",
    "flags": "%RESPONSE_FLAGS%",
    "answered_us": "%COMMON_DURATION(US_TX_BEG:US_RX_END:us)%",
    "duration_ms": "%DURATION%",
    "attempt": f"%REQ({names.ATTEMPT_HEADER})%",
    "upstream": "%UPSTREAM_HOST%",
}
"""Fields of the line of an attempt or a shadow, but for its kind.

`assigned_version` is the one that this attempt was for. Attempts share their
headers, and Envoy writes the line of one before it makes the next.
"""


_COUNTER_PREFIX, _COUNTER_NAME = "algolink", "exposures"
COUNTER = f"{_COUNTER_PREFIX}.{_COUNTER_NAME}"
COUNTER_TAG = "experiment"


def access_log(path: str) -> dict[str, Any]:
    """Configuration of the access logger of requests, which appends to the file at `path`."""
    return _file(path, LINE, _PREDICTION)


def counter() -> dict[str, Any]:
    """Configuration of a logger that counts the lines of requests, by experiment.

    It belongs after the file's: what it has counted is in the file, or in Envoy's
    memory, or lost.
    """
    return {
        "name": "envoy.access_loggers.stats",
        "filter": _PREDICTION,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
            # Deprecated, but what takes its place is not read yet.
            "stat_prefix": _COUNTER_PREFIX,
            "counters": [
                {
                    "stat": {
                        "name": _COUNTER_NAME,
                        "tags": [{"name": COUNTER_TAG, "value_format": LINE["experiment"]}],
                    },
                    "value_fixed": 1,
                }
            ],
        },
    }


def upstream_logs(path: str) -> list[dict[str, Any]]:
    """Configuration of the router's loggers, of attempts and of shadows."""
    is_shadow = _header(names.SHADOW_HEADER, {"present_match": True})
    is_attempt = _header(names.SHADOW_HEADER, {"present_match": True, "invert_match": True})
    return [
        _file(path, {"kind": "attempt", **UPSTREAM_LINE}, _PREDICTION, is_attempt, _TELLING),
        _file(path, {"kind": "shadow", **UPSTREAM_LINE}, _PREDICTION, is_shadow),
    ]


def _file(path: str, line: Mapping[str, str], *filters: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "envoy.access_loggers.file",
        "filter": _all(*filters),
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": dict(line)},
        },
    }


def _header(name: str, matcher: Mapping[str, Any]) -> dict[str, Any]:
    return {"header_filter": {"header": {"name": name, **matcher}}}


def _equals(name: str, value: str, *, invert: bool = False) -> dict[str, Any]:
    return _header(name, {"string_match": {"exact": value}, "invert_match": invert})


def _any(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"or_filter": {"filters": list(filters)}}


def _all(*filters: dict[str, Any]) -> dict[str, Any]:
    return filters[0] if len(filters) == 1 else {"and_filter": {"filters": list(filters)}}


_PREDICTION = _any(
    _equals(names.OPERATION_HEADER, names.OPERATION_INFER),
    _equals(names.OPERATION_HEADER, names.OPERATION_STREAM),
)

_TELLING = _any(
    _equals(names.ATTEMPT_HEADER, "1", invert=True),
    {"response_flag_filter": {}},
    {
        "status_code_filter": {
            "comparison": {
                "op": "GE",
                "value": {"default_value": 400, "runtime_key": "algolink.attempt_failed"},
            }
        }
    },
    _all(
        _header("content-type", {"string_match": {"prefix": "application/grpc"}}),
        {"grpc_status_filter": {"statuses": ["OK"], "exclude": True}},
    ),
)
"""Attempts that were not the first, or that failed."""
