from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from chassis.error_mapping import mapped_errors
from chassis.interception import Around
from chassis.rpc_telemetry import RpcTelemetry
from tests.chassis.trial_service import NAME, Client, Trial

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"


class Recorded:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.telemetry = RpcTelemetry(tracers, meters)

    def span(self) -> Any:
        [span] = self._exporter.get_finished_spans()
        return span

    def duration(self) -> Any:
        data = self._reader.get_metrics_data()
        assert data is not None
        [metric] = data.resource_metrics[0].scope_metrics[0].metrics
        [point] = metric.data.data_points
        return point


@asynccontextmanager
async def client(recorded: Recorded) -> AsyncIterator[Client]:
    server = grpc.aio.server(interceptors=[Around(recorded.telemetry), Around(mapped_errors)])
    Trial().register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Client(channel)
    await server.stop(None)


async def test_a_span_continues_the_trace_of_its_caller() -> None:
    recorded = Recorded()

    async with client(recorded) as calls:
        await calls.unary_call(
            StringValue(value="hello"),
            metadata=(("traceparent", f"00-{TRACE_ID}-{PARENT_ID}-01"),),
        )

    span = recorded.span()
    assert f"{span.context.trace_id:032x}" == TRACE_ID
    assert f"{span.parent.span_id:016x}" == PARENT_ID
    assert span.name == f"{NAME}/Unary"
    assert span.kind is SpanKind.SERVER
    assert span.attributes["rpc.response.status_code"] == "OK"


@pytest.mark.parametrize(
    ("value", "code", "status"),
    [("missing", "NOT_FOUND", StatusCode.UNSET), ("broken", "INTERNAL", StatusCode.ERROR)],
)
async def test_only_a_fault_of_the_server_is_an_error_of_its_span(
    value: str, code: str, status: StatusCode
) -> None:
    recorded = Recorded()

    async with client(recorded) as calls:
        with pytest.raises(grpc.aio.AioRpcError):
            await calls.call("stream", value)

    assert recorded.span().attributes["rpc.response.status_code"] == code
    assert recorded.span().status.status_code is status


async def test_each_call_is_timed_by_method_and_code() -> None:
    recorded = Recorded()

    async with client(recorded) as calls:
        await calls.call("unary", "hello")

    point = recorded.duration()
    assert point.count == 1
    assert 0 < point.sum < 60
    assert point.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": f"{NAME}/Unary",
        "rpc.response.status_code": "OK",
    }
