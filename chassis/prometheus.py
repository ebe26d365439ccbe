"""What OpenTelemetry measured, in Prometheus' form, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate

import prometheus_client
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    InMemoryMetricReader,
    Metric,
    Sum,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry

from algolink.errors import FailedPrecondition
from chassis.addresses import split_address

_UNITS = {"s": "_seconds", "ms": "_milliseconds", "By": "_bytes", "1": ""}


class OpenTelemetryCollector(Collector):
    """Reads the present value of each instrument whenever Prometheus asks."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def collect(self) -> Iterator[Family]:
        data = self._reader.get_metrics_data()
        if data is None:
            return
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    family = _family(metric)
                    if family is not None:
                        yield family


def _family(metric: Metric) -> Family | None:
    name, help_text = _metric_name(metric), metric.description or metric.name
    data = metric.data
    if not isinstance(data, Sum | Gauge | Histogram):
        return None
    # Prometheus wants one list of label names for all points of a family.
    keys = sorted({str(key) for point in data.data_points for key in point.attributes or {}})
    labels = [_label_name(key) for key in keys]
    if isinstance(data, Sum):
        summed = (CounterMetricFamily if data.is_monotonic else GaugeMetricFamily)(
            name, help_text, labels=labels
        )
        for number in data.data_points:
            summed.add_metric(_label_values(keys, number.attributes), number.value)
        return summed
    if isinstance(data, Gauge):
        gauge = GaugeMetricFamily(name, help_text, labels=labels)
        for number in data.data_points:
            gauge.add_metric(_label_values(keys, number.attributes), number.value)
        return gauge
    histogram = HistogramMetricFamily(name, help_text, labels=labels)
    for point in data.data_points:
        histogram.add_metric(
            _label_values(keys, point.attributes),
            _cumulative(point.explicit_bounds, point.bucket_counts),
            point.sum,
        )
    return histogram


def _cumulative(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    uppers = [*(str(bound) for bound in bounds), "+Inf"]
    return list(zip(uppers, accumulate(counts), strict=True))


def _metric_name(metric: Metric) -> str:
    return re.sub("[^a-zA-Z0-9_]", "_", metric.name) + _UNITS.get(metric.unit or "", "")


def _label_name(key: str) -> str:
    return re.sub("[^a-zA-Z0-9_]", "_", key)


def _label_values(keys: Sequence[str], attributes: Mapping[str, object] | None) -> list[str]:
    return [str((attributes or {}).get(key, "")) for key in keys]


@contextmanager
def serving(address: str, collector: Collector) -> Iterator[int]:
    """Answers `GET /metrics` on `address` from a thread; gives the bound port.

    Raises:
        FailedPrecondition: ADDRESS_UNAVAILABLE.
    """
    host, port = split_address(address)
    registry = CollectorRegistry()
    registry.register(collector)
    prometheus_client.ProcessCollector(registry=registry)
    prometheus_client.PlatformCollector(registry=registry)
    try:
        server, thread = prometheus_client.start_http_server(port, host, registry)
    except OSError as error:
        raise FailedPrecondition(
            "ADDRESS_UNAVAILABLE",
            f"cannot listen on {address} for metrics: {error.strerror or error}",
            address=address,
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
