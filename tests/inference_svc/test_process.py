"""The process as it is started in earnest: `python -m inference_svc`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc.aio as triton
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.inference_svc import onnx_models

ROW = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)


@asynccontextmanager
async def a_process(folder: Path, address: str, **variables: str) -> AsyncIterator[Process]:
    environment = os.environ | {
        "ALGOLINK_LISTEN": address,
        "ALGOLINK_REGISTRY_ADDRESS": "127.0.0.1:1",
        "ALGOLINK_ROUTER_ADDRESS": "127.0.0.1:1",
        "ALGOLINK_REPLICA_ID": "replica-1",
        "ALGOLINK_CACHE_DIR": str(folder),
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inference_svc", env=environment, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def with_a_cached_model(folder: Path) -> None:
    """Leaves what an earlier run would have left that held version 1 of `scaled`."""
    artifact = onnx_models.scaled(10.0)
    digest = hashlib.sha256(artifact).hexdigest()
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / digest).write_bytes(artifact)
    wanted = {"name": "models/scaled/versions/1", "digest": digest, "size_bytes": len(artifact)}
    (folder / "wanted.json").write_text(json.dumps([wanted]))


async def is_serving(address: str) -> bool:
    """What the health service answers, as soon as there is one."""
    options = [("grpc.max_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(address, options) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        response = await stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True)
        return bool(response.status == health_pb2.HealthCheckResponse.SERVING)


async def test_a_process_serves_from_its_cache_and_ends_with_0_when_told_to(
    tmp_path: Path, free_port: int
) -> None:
    with_a_cached_model(tmp_path)
    address = f"127.0.0.1:{free_port}"
    async with a_process(tmp_path, address) as process, asyncio.timeout(60):
        assert await is_serving(address)
        async with triton.InferenceServerClient(address) as client:
            while not await client.is_model_ready("scaled"):
                pass
            tensor = triton.InferInput("x", [1, 4], "FP32")
            tensor.set_data_from_numpy(ROW)
            result = await client.infer("scaled", [tensor])
            np.testing.assert_array_equal(result.as_numpy("y"), 10 * ROW)

        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()

        assert process.returncode == 0
        assert b"Traceback" not in log


async def test_requests_that_run_when_a_process_is_told_to_end_are_answered(
    tmp_path: Path, free_port: int
) -> None:
    with_a_cached_model(tmp_path)
    address = f"127.0.0.1:{free_port}"
    async with a_process(tmp_path, address) as process, asyncio.timeout(60):
        assert await is_serving(address)
        async with triton.InferenceServerClient(address) as client:
            while not await client.is_model_ready("scaled"):
                pass
            answered = 0

            async def drive() -> None:
                """Sends as long as the server is ready, as a proxy would."""
                nonlocal answered
                while await client.is_server_ready():
                    tensor = triton.InferInput("x", [1, 4], "FP32")
                    tensor.set_data_from_numpy(ROW)
                    await client.infer("scaled", [tensor])
                    answered += 1

            drivers = [asyncio.ensure_future(drive()) for _ in range(8)]
            while answered < 50:
                await client.is_server_live()
            process.send_signal(signal.SIGTERM)
            await asyncio.gather(*drivers)

        await process.communicate()
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"ALGOLINK_REPLICA_ID": "Not An Id"}, "ALGOLINK_REPLICA_ID"),
        ({"ALGOLINK_CACHE_DIR": "/proc/nowhere"}, "/proc/nowhere"),
        ({"ALGOLINK_HTTP_LISTEN": "nonsense"}, "nonsense"),
        ({"ALGOLINK_ENGINE": "triton", "ALGOLINK_TRITON_ENVIRONMENT": "/nowhere"}, "make triton"),
        ({"ALGOLINK_ENGINE": "triton", "ALGOLINK_TRITON_LISTEN": "127.0.0.1:0"}, "needs a port"),
    ],
)
async def test_a_start_that_fails_says_why_in_one_line(
    tmp_path: Path, free_port: int, variables: dict[str, str], complaint: str
) -> None:
    async with a_process(tmp_path, f"127.0.0.1:{free_port}", **variables) as process:
        _, log = await process.communicate()

    last = log.decode().splitlines()[-1]
    assert process.returncode == 1
    assert last.startswith("inference_svc: ")
    assert complaint in last


async def test_an_http_port_in_use_is_told(tmp_path: Path, free_port: int) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        busy = f"127.0.0.1:{port}"
        async with a_process(
            tmp_path, f"127.0.0.1:{free_port}", ALGOLINK_HTTP_LISTEN=busy
        ) as process:
            _, log = await process.communicate()

    assert process.returncode == 1
    assert f"cannot listen on {busy}" in log.decode().splitlines()[-1]
