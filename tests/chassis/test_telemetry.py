from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from algolink.errors import FailedPrecondition, InvalidArgument
from chassis import prometheus
from chassis.otlp import OtlpJsonExporter


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """An OTLP collector: its URL, and path and body of what it was sent."""
    received: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", received
        finally:
            server.shutdown()
            thread.join()


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        text: str = response.read().decode()
        return text


def test_spans_reach_a_collector_as_otlp_json() -> None:
    with collector() as (url, received):
        tracers = TracerProvider(
            resource=Resource({"service.name": "trial"}), shutdown_on_exit=False
        )
        tracers.add_span_processor(SimpleSpanProcessor(OtlpJsonExporter(url)))
        with tracers.get_tracer("chassis").start_as_current_span(
            "a.B/C", kind=SpanKind.SERVER, attributes={"n": 3, "ok": True, "many": ["x", "y"]}
        ) as span:
            span.add_event("half way")
            span.set_status(Status(StatusCode.ERROR, "no"))
        context = span.get_span_context()
        tracers.shutdown()

    [(path, body)] = received
    [resource] = body["resourceSpans"]
    [sent] = resource["scopeSpans"][0]["spans"]
    assert path == "/v1/traces"
    assert resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "trial"}}
    ]
    assert sent["traceId"] == f"{context.trace_id:032x}"
    assert sent["spanId"] == f"{context.span_id:016x}"
    assert sent["kind"] == 2
    assert sent["status"] == {"code": 2, "message": "no"}
    assert sent["attributes"] == [
        {"key": "n", "value": {"intValue": "3"}},
        {"key": "ok", "value": {"boolValue": True}},
        {
            "key": "many",
            "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"stringValue": "y"}]}},
        },
    ]
    assert [event["name"] for event in sent["events"]] == ["half way"]
    assert int(sent["endTimeUnixNano"]) >= int(sent["startTimeUnixNano"])


def test_a_collector_that_is_away_costs_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(OtlpJsonExporter("http://127.0.0.1:1")))

    for _ in range(3):
        with tracers.get_tracer("chassis").start_as_current_span("a"):
            pass
    tracers.shutdown()

    assert [record.message for record in caplog.records] == ["traces not delivered"]


def test_a_collector_is_reached_by_http_alone() -> None:
    with pytest.raises(InvalidArgument) as caught:
        OtlpJsonExporter("file:///etc/passwd")

    assert caught.value.reason == "OTLP_ENDPOINT_INVALID"


def test_measurements_are_served_in_prometheus_form() -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("trial")
    meter.create_counter("pushes").add(2, {"model": "iris"})
    meter.create_up_down_counter("open.streams").add(1)
    duration = meter.create_histogram(
        "rpc.duration", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1.0]
    )
    duration.record(0.05, {"rpc.method": "a"})
    duration.record(5.0, {"rpc.method": "a"})
    meter.create_observable_gauge("ready", callbacks=[])

    with prometheus.serving("127.0.0.1:0", prometheus.OpenTelemetryCollector(reader)) as port:
        lines = fetch(port).splitlines()

    assert 'pushes_total{model="iris"} 2.0' in lines
    assert "open_streams 1.0" in lines
    assert 'rpc_duration_seconds_bucket{le="0.1",rpc_method="a"} 1.0' in lines
    assert 'rpc_duration_seconds_bucket{le="+Inf",rpc_method="a"} 2.0' in lines
    assert 'rpc_duration_seconds_sum{rpc_method="a"} 5.05' in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


def test_a_metrics_port_in_use_is_a_clear_error() -> None:
    collector = prometheus.OpenTelemetryCollector(InMemoryMetricReader())
    with (
        prometheus.serving("127.0.0.1:0", collector) as port,
        pytest.raises(FailedPrecondition, match=f"127.0.0.1:{port}") as caught,
    ):
        prometheus.serving(f"127.0.0.1:{port}", collector).__enter__()

    assert caught.value.reason == "ADDRESS_UNAVAILABLE"
