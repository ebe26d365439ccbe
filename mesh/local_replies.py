"""Envoy's own answers, in the form that an OIP client expects and with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh import names

_NO_MODEL = (
    f"model %REQ({names.MODEL_HEADER})% is not served here: check its name, or push a version "
    "and wait until it is ready"
)
_NO_REPLICA = f"no replica of model %REQ({names.MODEL_HEADER})% can be reached: retry shortly"

_COMPRESSED = (
    "compressed gRPC messages cannot be routed: send them uncompressed, without the header "
    "grpc-encoding"
)
_TOO_LARGE = (
    f"the request is over {names.REQUEST_BODY_LIMIT_BYTES} bytes, the most that can be routed: "
    "send less at once"
)
_NOT_A_MESSAGE = "the request is no message of this method: %LOCAL_REPLY_BODY%"

_GRPC = {
    "header_filter": {
        "header": {
            "name": "content-type",
            "string_match": {"safe_regex": {"regex": r"application/grpc(\+.*)?"}},
        }
    }
}


def local_reply_config() -> dict[str, Any]:
    """Rewrites what Envoy answers itself; the first mapper that matches is applied.

    A gRPC client is told NOT_FOUND where Envoy would make UNIMPLEMENTED of its
    404. A REST client is told `{"error": ...}`, as by the replicas.
    """
    no_route, no_host = _flag("NR"), _flag("UH")
    return {
        "mappers": [
            _mapper([_unread("INVALID_ARGUMENT"), _ENCODED], text=_COMPRESSED, grpc_status=12),
            _mapper([_unread("FAILED_PRECONDITION")], text=_TOO_LARGE, grpc_status=8),
            _mapper([_unread("")], text=_NOT_A_MESSAGE, grpc_status=3),
            _mapper([_GRPC, no_route], text=_NO_MODEL, grpc_status=5),
            _mapper([_GRPC, no_host], text=_NO_REPLICA),
            _mapper([_GRPC, _NOT_FOUND], grpc_status=5),
            _mapper([_GRPC, _PRECONDITION_FAILED], grpc_status=9),
            _mapper([_HTTP, _status(413, "too_large")], error=_TOO_LARGE),
            _mapper([_HTTP, no_route], error=_NO_MODEL),
            _mapper([_HTTP, no_host], error=_NO_REPLICA),
            _mapper([_HTTP], error="%LOCAL_REPLY_BODY%"),
        ]
    }


def _unread(why: str) -> dict[str, Any]:
    """Refused by the filter that reads the model from the message, which tells no more."""
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3"
                ".ExpressionFilter",
                "expression": f"response.code_details.startsWith('grpc_field_extraction_{why}')",
            },
        }
    }


_ENCODED = {
    "header_filter": {
        "header": {
            "name": "grpc-encoding",
            "string_match": {"exact": "identity"},
            "invert_match": True,
            "treat_missing_header_as_empty": False,
        }
    }
}

_HTTP = {
    "header_filter": {
        "header": {
            **_GRPC["header_filter"]["header"],
            "invert_match": True,
            # A request without a body says no type.
            "treat_missing_header_as_empty": True,
        }
    }
}


def _status(code: int, key: str) -> dict[str, Any]:
    value = {"default_value": code, "runtime_key": f"algolink.{key}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


_NOT_FOUND = _status(404, "not_found")
_PRECONDITION_FAILED = _status(412, "precondition_failed")


def _flag(flag: str) -> dict[str, Any]:
    return {"response_flag_filter": {"flags": [flag]}}


def _mapper(
    filters: Sequence[dict[str, Any]],
    *,
    text: str | None = None,
    error: str | None = None,
    grpc_status: int | None = None,
) -> dict[str, Any]:
    mapper: dict[str, Any] = {
        "filter": filters[0] if len(filters) == 1 else {"and_filter": {"filters": list(filters)}}
    }
    if text is not None:
        mapper["body_format_override"] = {"text_format_source": {"inline_string": text}}
    if error is not None:
        mapper["body_format_override"] = {"json_format": {"error": error}}
    if grpc_status is not None:
        mapper["headers_to_add"] = [
            {
                "header": {"key": "grpc-status", "value": str(grpc_status)},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ]
    return mapper
