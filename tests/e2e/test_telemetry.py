"""What an operator sees of a request: its trace, across Envoy, and the metrics it left."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import pytest
from tritonclient import grpc as triton

from algolink.registry.v1 import registry_pb2, registry_pb2_grpc
from examples.digits.material import Training
from tests.e2e.stack import Stack, Up, until

pytestmark = pytest.mark.e2e

_CONTROL_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_PREDICTION_TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """An OTLP/HTTP JSON collector that remembers (trace id, service, span name)."""

    def __init__(self) -> None:
        self.spans: set[tuple[str, str, str]] = set()

    def take(self, body: bytes) -> None:
        for resource in json.loads(body)["resourceSpans"]:
            attributes = {a["key"]: a["value"] for a in resource["resource"]["attributes"]}
            service = attributes["service.name"]["stringValue"]
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    self.spans.add((span["traceId"], service, span["name"]))

    def services(self, trace_id: str) -> set[str]:
        return {service for seen, service, _ in self.spans.copy() if seen == trace_id}


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """A collector, and the URL that it listens on."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing: the test's output is for failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[tuple[Stack, Collector]]:
    """A stack that sends its traces to a collector of ours."""
    with collecting() as (collector, url):
        up = Up(
            tmp_path / "logs",
            *("--port", "0", "--admin-port", "0", "--replicas", "1"),
            *("--data-dir", str(tmp_path / "data")),
            environment={"ALGOLINK_OTLP_ENDPOINT": url},
        )
        try:
            yield up.ready(), collector
        finally:
            up.interrupt()


def traceparent(trace_id: str) -> str:
    return f"00-{trace_id}-00f067aa0ba902b7-01"


async def test_a_trace_goes_on_behind_envoy_and_every_service_has_metrics(
    traced: tuple[Stack, Collector], training: Training
) -> None:
    stack, collector = traced
    async with stack.client() as client:
        await client.push(training.champion.onnx, name="digits")
    pixels = triton.InferInput("X", [1, 64], "FP32")
    pixels.set_data_from_numpy(training.images[:1].astype(np.float32))

    async with grpc.aio.insecure_channel(stack.admin_endpoint) as channel:
        await registry_pb2_grpc.RegistryServiceStub(channel).ListModels(
            registry_pb2.ListModelsRequest(),
            metadata=(
                ("authorization", f"Bearer {stack.token}"),
                ("traceparent", traceparent(_CONTROL_TRACE)),
            ),
        )
    with triton.InferenceServerClient(stack.data_endpoint) as server:
        server.infer("digits", [pixels], headers={"traceparent": traceparent(_PREDICTION_TRACE)})

    await until(
        lambda: (
            collector.services(_CONTROL_TRACE) == {"registry_svc"}
            and collector.services(_PREDICTION_TRACE) == {"inference_svc"}
        ),
        f"both traces went on behind Envoy: {collector.spans}",
    )
    for name, url in stack.told["metrics"].items():
        assert "rpc_server_call_duration" in await asyncio.to_thread(read, url), name


def read(url: str) -> str:
    with urllib.request.urlopen(url) as answer:  # noqa: S310  our own stack's address
        return str(answer.read(), "utf-8")
