"""A span and a duration for every HTTP request."""

from __future__ import annotations

import time
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_BUCKETS_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip

_NO_ROUTE: Final = "(no route)"
"""What a client makes up is no attribute: each one would be a series of its own."""

_propagator = TraceContextTextMapPropagator()


def observed(
    tracers: trace.TracerProvider | None = None, meters: metrics.MeterProvider | None = None
) -> Middleware:
    """A middleware that goes around all others, so that it sees the final status.

    Args:
        tracers: where spans go; None for the process's own.
        meters: where durations go; None for the process's own.
    """
    tracer = trace.get_tracer("chassis", tracer_provider=tracers)
    meter = metrics.get_meter("chassis", meter_provider=meters)
    duration = meter.create_histogram(
        "http.server.request.duration",
        unit="s",
        description="From a request's headers to its answer.",
        explicit_bucket_boundaries_advisory=_BUCKETS_S,
    )

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        route = _route(request)
        parent = (
            _propagator.extract({key.lower(): value for key, value in request.headers.items()})
            if "traceparent" in request.headers
            else None
        )
        with tracer.start_as_current_span(
            f"{request.method} {route}", context=parent, kind=SpanKind.SERVER
        ) as span:
            response = await handler(request)
            attributes: dict[str, str | int] = {
                "http.request.method": request.method,
                "http.route": route,
                "http.response.status_code": response.status,
            }
            if span.is_recording():
                span.set_attributes(attributes)
                if response.status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
            duration.record(time.perf_counter() - started, attributes)
            return response

    return observe


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return _NO_ROUTE if resource is None else resource.canonical
