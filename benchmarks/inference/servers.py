"""The servers that are compared, each started on free ports with the same models."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from benchmarks.inference.models import Model
from benchmarks.inference.overhead import free_port

PEERS = Path(__file__).parent / "peers"
ENVIRONMENTS = Path(".venv-bench")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_START_S = 90


class Server(Protocol):
    """A way to serve models."""

    @property
    def name(self) -> str:
        """How the table calls it."""
        ...

    @property
    def is_installed(self) -> bool:
        """Whether it can be started here."""
        ...

    def command(
        self, folder: Path, port: int, models: Sequence[tuple[Model, Path]]
    ) -> tuple[list[str], Mapping[str, str]]:
        """What to run, and with which variables on top of the environment.

        Args:
            folder: an empty one, for whatever it needs.
            port: where its gRPC server shall listen.
            models: with the files that hold them.
        """
        ...


@dataclass(frozen=True)
class AlgoLink:
    """A replica that finds its models in its cache and needs neither router nor registry."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()

    is_installed = True

    def command(
        self, folder: Path, port: int, models: Sequence[tuple[Model, Path]]
    ) -> tuple[list[str], Mapping[str, str]]:
        listen = {"ALGOLINK_LISTEN": f"127.0.0.1:{port}"}
        return [sys.executable, "-m", "inference_svc"], {
            **_replica(folder, models),
            **listen,
            **dict(self.settings),
        }


@dataclass(frozen=True)
class Triton:
    """Triton with the Python backend and dynamic batching, as our agent sets it up.

    Requests go to Triton itself; its agent takes no part in them.
    """

    name: str = "triton, Python backend"

    @property
    def is_installed(self) -> bool:
        return Path(".venv-triton/.installed").exists()

    def command(
        self, folder: Path, port: int, models: Sequence[tuple[Model, Path]]
    ) -> tuple[list[str], Mapping[str, str]]:
        return [sys.executable, "-m", "inference_svc"], {
            **_replica(folder, models),
            "ALGOLINK_ENGINE": "triton",
            "ALGOLINK_LISTEN": "127.0.0.1:0",
            "ALGOLINK_TRITON_ENVIRONMENT": str(Path(".venv-triton").absolute()),
            "ALGOLINK_TRITON_LISTEN": f"127.0.0.1:{port}",
            "ALGOLINK_TRITON_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
        }


def _replica(folder: Path, models: Sequence[tuple[Model, Path]]) -> dict[str, str]:
    """Variables of a replica that finds its models in its cache."""
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    wanted = []
    for model, path in models:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        (artifacts / digest).write_bytes(content)
        name = f"models/{model.name}/versions/1"
        wanted.append({"name": name, "digest": digest, "size_bytes": len(content)})
    (folder / "wanted.json").write_text(json.dumps(wanted))
    return {
        "ALGOLINK_REGISTRY_ADDRESS": "127.0.0.1:1",
        "ALGOLINK_ROUTER_ADDRESS": "127.0.0.1:1",
        "ALGOLINK_REPLICA_ID": "bench",
        "ALGOLINK_CACHE_DIR": str(folder),
        "ALGOLINK_LOG_LEVEL": "ERROR",
    }


@dataclass(frozen=True)
class MlServer:
    """MLServer without parallel workers, which is its quickest for small models."""

    name: str = "mlserver"

    @property
    def is_installed(self) -> bool:
        return (ENVIRONMENTS / "mlserver/bin/mlserver").exists()

    def command(
        self, folder: Path, port: int, models: Sequence[tuple[Model, Path]]
    ) -> tuple[list[str], Mapping[str, str]]:
        settings = {
            "host": "127.0.0.1",
            "grpc_port": port,
            "http_port": free_port(),
            "metrics_port": free_port(),
            "parallel_workers": 0,
            "debug": False,
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        for model, path in models:
            (folder / model.name).mkdir()
            (folder / model.name / "model-settings.json").write_text(
                json.dumps(
                    {
                        "name": model.name,
                        "implementation": "mlserver_onnx.OnnxModel",
                        "parameters": {"uri": str(path)},
                    }
                )
            )
        binary = (ENVIRONMENTS / "mlserver/bin/mlserver").absolute()
        return [str(binary), "start", str(folder)], {"PYTHONPATH": str(PEERS)}


@dataclass(frozen=True)
class KServe:
    """The kserve Python server with one worker."""

    name: str = "kserve"

    @property
    def is_installed(self) -> bool:
        return (ENVIRONMENTS / "kserve/bin/python").exists()

    def command(
        self,
        folder: Path,  # noqa: ARG002  it needs none
        port: int,
        models: Sequence[tuple[Model, Path]],
    ) -> tuple[list[str], Mapping[str, str]]:
        named = [f"{model.name}={path}" for model, path in models]
        binary = (ENVIRONMENTS / "kserve/bin/python").absolute()
        script = str(PEERS / "kserve_onnx.py")
        ports = ["--http_port", str(free_port()), "--grpc_port", str(port)]
        return [str(binary), script, *ports, "--models", *named], {}


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        port: of its gRPC server, on 127.0.0.1.
        pid: its first process.
    """

    port: int
    pid: int

    def cpu_time_s(self) -> float:
        """User and system time of its processes, all threads, in seconds."""
        parents, ticks = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            pid = int(stat.parent.name)
            parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
        own, generation = set(), {self.pid}
        while generation:
            own |= generation
            generation = {pid for pid, parent in parents.items() if parent in generation}
        return sum(ticks.get(pid, 0) for pid in own) / _TICKS_PER_S


@contextmanager
def running(
    server: Server, folder: Path, models: Sequence[tuple[Model, Path]]
) -> Iterator[Running]:
    """Starts a server, waits until it is ready for every model, and ends it.

    Raises:
        RuntimeError: if it ends, or is not ready in time; with its last words.
    """
    port = free_port()
    command, variables = server.command(folder, port, models)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | variables, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait(process, port, [model.name for model, _ in models], log)
        yield Running(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, models: Sequence[str], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    with grpc.insecure_channel(
        f"127.0.0.1:{port}", options=[("grpc.max_reconnect_backoff_ms", 200)]
    ) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        while not all(_is_ready(stub, model) for model in models):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"not ready: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)


def _is_ready(stub: service_pb2_grpc.GRPCInferenceServiceStub, model: str) -> bool:
    try:
        ready: bool = stub.ModelReady(pb.ModelReadyRequest(name=model), timeout=5).ready
    except grpc.RpcError:
        return False
    return ready
