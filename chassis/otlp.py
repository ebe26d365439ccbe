"""Traces to a collector by OTLP/HTTP with a JSON body.

The exporters that OpenTelemetry publishes bring protobuf packages whose files
collide with those of `xds-protos`; JSON needs none.
"""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

from algolink.errors import InvalidArgument

_log = logging.getLogger(__name__)


class OtlpJsonExporter(SpanExporter):
    """Posts spans to `<endpoint>/v1/traces`; blocks, so it belongs in a thread.

    Args:
        endpoint: base URL, `http://` or `https://`.
        timeout_s: of one post, in seconds.
    """

    def __init__(self, endpoint: str, *, timeout_s: float = 5.0) -> None:
        if not endpoint.startswith(("http://", "https://")):
            raise InvalidArgument(
                "OTLP_ENDPOINT_INVALID",
                f"{endpoint!r} is not an http or https URL",
                endpoint=endpoint,
            )
        self._url = endpoint.rstrip("/") + "/v1/traces"
        self._timeout_s = timeout_s
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        request = urllib.request.Request(  # noqa: S310  the scheme is checked above
            self._url,
            data=json.dumps(to_json(spans)).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s):  # noqa: S310  as above
                pass
        except OSError as error:
            if not self._failing:  # once per outage, not once per batch
                _log.warning("traces not delivered", extra={"url": self._url, "error": str(error)})
            self._failing = True
            return SpanExportResult.FAILURE
        self._failing = False
        return SpanExportResult.SUCCESS


def to_json(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """`spans` as an ExportTraceServiceRequest in protobuf's JSON form."""
    by_scope: dict[tuple[Resource, str], list[ReadableSpan]] = {}
    for span in spans:
        scope = span.instrumentation_scope
        by_scope.setdefault((span.resource, scope.name if scope else ""), []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource.attributes)},
                "scopeSpans": [
                    {"scope": {"name": scope}, "spans": [_span(span) for span in members]}
                ],
            }
            for (resource, scope), members in by_scope.items()
        ]
    }


def _span(span: ReadableSpan) -> dict[str, Any]:
    context: SpanContext = span.context
    value: dict[str, Any] = {
        "traceId": format_trace_id(context.trace_id),
        "spanId": format_span_id(context.span_id),
        "name": span.name,
        "kind": span.kind.value + 1,  # OTLP counts kinds from 1
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes or {}),
        "status": {"code": span.status.status_code.value},
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.timestamp),
                "attributes": _attributes(event.attributes or {}),
            }
            for event in span.events
        ],
    }
    if span.parent is not None:
        value["parentSpanId"] = format_span_id(span.parent.span_id)
    if span.status.description:
        value["status"]["message"] = span.status.description
    return value


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):  # before int, which it is too
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"arrayValue": {"values": [_value(item) for item in value]}}
