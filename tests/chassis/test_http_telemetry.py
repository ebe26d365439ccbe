"""Spans and durations of HTTP requests."""

from __future__ import annotations

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.http_telemetry import observed

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"


async def get(
    path: str, tracers: TracerProvider | None = None, meters: MeterProvider | None = None
) -> None:
    """Asks an application that has one route, as a caller within a trace."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application(middlewares=[observed(tracers, meters)])
    app.add_routes([web.get("/v2/models/{model}", answer)])
    headers = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        await session.get(server.make_url(path), headers=headers)


async def test_a_span_continues_the_trace_of_its_caller() -> None:
    exporter = InMemorySpanExporter()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))

    await get("/v2/models/iris", tracers=tracers)

    (span,) = exporter.get_finished_spans()
    assert span.name == "GET /v2/models/{model}"
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == TRACE_ID
    assert f"{span.parent.span_id:016x}" == PARENT_ID


async def test_a_duration_is_filed_under_the_route_and_not_the_path() -> None:
    reader = InMemoryMetricReader()

    await get("/v2/models/iris", meters=MeterProvider([reader], shutdown_on_exit=False))

    data = reader.get_metrics_data()
    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    assert isinstance(metric.data, Histogram)
    (point,) = metric.data.data_points
    assert metric.name == "http.server.request.duration"
    assert dict(point.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/v2/models/{model}",
        "http.response.status_code": 200,
    }
