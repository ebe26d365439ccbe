"""OpenTelemetry of one process: where spans and measurements go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from chassis import prometheus
from chassis.otlp import OtlpJsonExporter
from chassis.settings import ServiceSettings

_log = logging.getLogger(__name__)


@contextmanager
def running(service: str, settings: ServiceSettings) -> Iterator[None]:
    """Records spans and measurements of this process; flushes when left.

    Anyone may then use `opentelemetry.trace.get_tracer` and
    `opentelemetry.metrics.get_meter`. Once per process, for the providers are
    global.

    Raises:
        FailedPrecondition: ADDRESS_UNAVAILABLE, if the metrics' port is taken.
    """
    resource = Resource({"service.name": service})
    with ExitStack() as stack:
        tracers = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)),
            resource=resource,
            shutdown_on_exit=False,
        )
        stack.callback(tracers.shutdown)
        if settings.otlp_endpoint:
            tracers.add_span_processor(BatchSpanProcessor(OtlpJsonExporter(settings.otlp_endpoint)))
        reader = InMemoryMetricReader()
        meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        stack.callback(meters.shutdown)
        port = stack.enter_context(
            prometheus.serving(settings.metrics_listen, prometheus.OpenTelemetryCollector(reader))
        )
        trace.set_tracer_provider(tracers)
        metrics.set_meter_provider(meters)
        _log.info("metrics listening", extra={"port": port})
        yield
