"""CPU time that one prediction costs a replica, beside what its model costs.

    python -m benchmarks.inference.overhead [--requests 20000] [--concurrency 16]

It starts a replica on free ports with a small model already in its cache, so
that it needs neither registry nor router, and drives it by gRPC with a request
whose id is new every time. CPU time is read from the kernel: unlike latency it
hardly depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
import numpy as np
from onnx import TensorProto, helper
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        address = f"127.0.0.1:{free_port()}"
        replica = start_replica(Path(folder), address)
        try:
            asyncio.run(measure(address, replica.pid, arguments.requests, arguments.concurrency))
        finally:
            replica.terminate()
            replica.wait()


def start_replica(folder: Path, address: str) -> subprocess.Popen[bytes]:
    """A replica that finds a model of four inputs and three outputs in its cache."""
    artifact = small_model()
    digest = hashlib.sha256(artifact).hexdigest()
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / digest).write_bytes(artifact)
    wanted = {"name": "models/small/versions/1", "digest": digest, "size_bytes": len(artifact)}
    (folder / "wanted.json").write_text(json.dumps([wanted]))
    environment = os.environ | {
        "ALGOLINK_LISTEN": address,
        "ALGOLINK_REGISTRY_ADDRESS": "127.0.0.1:1",
        "ALGOLINK_ROUTER_ADDRESS": "127.0.0.1:1",
        "ALGOLINK_REPLICA_ID": "bench",
        "ALGOLINK_CACHE_DIR": str(folder),
        "ALGOLINK_LOG_LEVEL": "WARNING",
    }
    return subprocess.Popen([sys.executable, "-m", "inference_svc"], env=environment)


def small_model() -> bytes:
    """`y = x @ w` for x of [N, 4]."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 3], np.ones(12).tolist())
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 17)]
    serialized: bytes = helper.make_model(
        graph, opset_imports=opsets, ir_version=9
    ).SerializeToString()
    return serialized


async def measure(address: str, pid: int, requests: int, concurrency: int) -> None:
    """Drives the replica and prints what it took."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        await stub.ServerLive(pb.ServerLiveRequest(), wait_for_ready=True)
        await until_ready(stub)
        await drive(stub, requests // 10, concurrency)
        cpu_s, started = cpu_time_s(pid), time.perf_counter()
        latencies = await drive(stub, requests, concurrency)
        wall_s, cpu_s = time.perf_counter() - started, cpu_time_s(pid) - cpu_s
    p50, p99 = np.percentile(latencies, [50, 99]) * 1_000
    print(
        f"c{concurrency}: {requests / wall_s:,.0f} req/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms, "
        f"server CPU {cpu_s / requests * 1e6:.0f} us per request"
    )


async def until_ready(stub: service_pb2_grpc.GRPCInferenceServiceStub) -> None:
    """Asks until the model is loaded: a loaded one answers, so this does not spin for long."""
    while not (await stub.ModelReady(pb.ModelReadyRequest(name="small"))).ready:
        pass


async def drive(
    stub: service_pb2_grpc.GRPCInferenceServiceStub, requests: int, concurrency: int
) -> list[float]:
    """Sends all requests; returns the latency of each, in seconds."""
    row = np.array([[1, 2, 3, 4]], dtype=np.float32)
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1, 4])
    left = iter(range(requests))
    latencies: list[float] = []

    async def one_client() -> None:
        for number in left:
            request = pb.ModelInferRequest(
                model_name="small",
                id=str(number),
                inputs=[tensor],
                raw_input_contents=[(row * number).tobytes()],
            )
            started = time.perf_counter()
            await stub.ModelInfer(request)
            latencies.append(time.perf_counter() - started)

    await asyncio.gather(*(one_client() for _ in range(concurrency)))
    return latencies


def cpu_time_s(pid: int) -> float:
    """User and system time of a process, all threads, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
