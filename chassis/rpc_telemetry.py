"""A span, a duration and an access line for every rpc."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis import auth
from chassis.interception import Context

_log = logging.getLogger("chassis.access")

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_BUCKETS_S = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_SERVER_FAULTS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
"""Codes that OpenTelemetry's conventions count as a server's error."""

_propagator = TraceContextTextMapPropagator()


class RpcTelemetry:
    """Watches each call from outside of every other interceptor.

    Args:
        tracers: where spans go; the process's own by default.
        meters: where durations go; the process's own by default.
    """

    def __init__(
        self,
        tracers: trace.TracerProvider | None = None,
        meters: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer("chassis", tracer_provider=tracers)
        meter = metrics.get_meter("chassis", meter_provider=meters)
        self._duration = meter.create_histogram(
            "rpc.server.call.duration",
            unit="s",
            description="From the first byte of a call to its status.",
            explicit_bucket_boundaries_advisory=_BUCKETS_S,
        )

    @asynccontextmanager
    async def __call__(self, method: str, context: Context) -> AsyncIterator[None]:
        carrier = {
            key: value
            for key, value in context.invocation_metadata() or ()
            if isinstance(value, str) and key in ("traceparent", "tracestate")
        }
        started = time.perf_counter()
        with self._tracer.start_as_current_span(
            method.removeprefix("/"),
            context=_propagator.extract(carrier) if carrier else None,
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            code = grpc.StatusCode.UNKNOWN
            try:
                yield
                code = _code(context, unset=grpc.StatusCode.OK)
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            except BaseException:
                code = _code(context, unset=grpc.StatusCode.UNKNOWN)
                raise
            finally:
                self._record(method, code, span, time.perf_counter() - started)

    def _record(
        self, method: str, code: grpc.StatusCode, span: trace.Span, duration_s: float
    ) -> None:
        attributes = {
            "rpc.system.name": "grpc",
            "rpc.method": method.removeprefix("/"),
            "rpc.response.status_code": code.name,
        }
        self._duration.record(duration_s, attributes)
        if span.is_recording():
            span.set_attributes(attributes)
            if code in _SERVER_FAULTS:
                span.set_status(Status(StatusCode.ERROR))
        level = logging.DEBUG if method.startswith(auth.OPEN_SERVICES) else logging.INFO
        if _log.isEnabledFor(level):
            _log.log(
                level,
                "rpc",
                extra={
                    "method": method,
                    "code": code.name,
                    "duration_ms": round(duration_s * 1_000, 3),
                    "caller": auth.caller().name,
                },
            )


def _code(context: Context, *, unset: grpc.StatusCode) -> grpc.StatusCode:
    """Code that the handler or an interceptor set: gRPC keeps it as a number, or None."""
    code: Any = context.code()
    return code if isinstance(code, grpc.StatusCode) else _CODES.get(code, unset)
