"""A replica's insides, served on free ports, without a registry or a router."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import grpc
from tritonclient.grpc import service_pb2_grpc

from algolink.errors import NotFound, Unavailable
from algolink.names import VersionName
from chassis import server
from chassis.runtime import Runtime
from chassis.settings import ServiceSettings
from inference_svc import rest
from inference_svc.artifacts import ArtifactCache
from inference_svc.data_plane import DataPlane
from inference_svc.domain.holding import State, WantedVersion
from inference_svc.engines.onnx import OnnxEngine
from inference_svc.fixed_settings import FixedSettings
from inference_svc.host import ModelHost, Retry
from inference_svc.predictor import Predictor
from inference_svc.repository import ManagedRepository
from inference_svc.servicer_grpc import OPTIONS, SERVICE_NAME, InferenceServicer
from inference_svc.shared_memory import SharedMemory


class MemorySource:
    """Artifacts in memory, which may be held back."""

    def __init__(self) -> None:
        self.artifacts: dict[str, bytes] = {}
        self.downloads: list[str] = []
        self.offsets: list[int] = []
        self.breaks_after: list[int] = []
        self.open = asyncio.Event()
        self.open.set()

    def add(self, model: str, number: int, artifact: bytes) -> WantedVersion:
        """Stores the artifact of a version."""
        wanted = a_wanted_version(model, number, artifact)
        self.artifacts[wanted.digest] = artifact
        return wanted

    async def download(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        """The bytes; each entry of `breaks_after` breaks one stream after so many."""
        self.downloads.append(digest)
        self.offsets.append(offset)
        await self.open.wait()
        artifact = self.artifacts.get(digest)
        if artifact is None:
            raise NotFound("ARTIFACT_NOT_FOUND", f"no artifact {digest}")
        end = offset + self.breaks_after.pop(0) if self.breaks_after else len(artifact)
        for start in range(offset, min(end, len(artifact)), 100):
            yield artifact[start : min(start + 100, end)]
        if end < len(artifact):
            raise Unavailable("STREAM_BROKEN", "the stream broke")


def a_wanted_version(model: str, number: int, artifact: bytes = b"") -> WantedVersion:
    return WantedVersion(
        VersionName(model, number), hashlib.sha256(artifact).hexdigest(), len(artifact)
    )


@dataclass(frozen=True)
class Replica:
    """A replica that serves.

    Attributes:
        grpc_address: `host:port`.
        http_url: without a trailing slash.
    """

    host: ModelHost
    source: MemorySource
    runtime: Runtime
    grpc_address: str
    http_url: str

    async def hold(self, *wanted: WantedVersion) -> None:
        """Wants exactly these, and waits until they are ready and all others have gone."""
        self.host.want(wanted, whole=True)
        await self.until(lambda: self.states() == dict.fromkeys(wanted, State.READY))

    def states(self) -> dict[WantedVersion, State]:
        return {holding.version: holding.state for holding in self.host.holdings}

    async def until_loop(self, is_so: Callable[[], bool]) -> None:
        """Waits until something that nobody is told of is so."""
        async with asyncio.timeout(20):
            while not is_so():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits until a change of the host makes it so."""
        await until_host(self.host, is_so)


async def until_host(host: ModelHost, is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            seen = host.changes.count
            if is_so():
                return
            await host.changes.wait_beyond(seen)


@asynccontextmanager
async def a_host(
    folder: Path,
    source: MemorySource,
    wanted: Iterable[WantedVersion] = (),
    max_artifact_bytes: int | None = None,
) -> AsyncIterator[ModelHost]:
    """A running host over `source`, with its cache in `folder`."""
    artifacts = ArtifactCache(folder, source, max_artifact_bytes)
    artifacts.open()
    with closing(OnnxEngine(concurrency=2, threads_per_run=1)) as engine:
        host = ModelHost(engine, artifacts, Retry(first_s=0.01, longest_s=0.02))
        host.want(wanted, whole=False)
        async with host.running():
            yield host


@asynccontextmanager
async def a_replica(folder: Path) -> AsyncIterator[Replica]:
    """A replica on free ports, with its cache in `folder`."""
    source = MemorySource()
    async with asyncio.TaskGroup() as tasks:
        runtime = Runtime("inference", tasks)
        async with a_host(folder, source) as host, AsyncExitStack() as opened:
            memory = opened.enter_context(closing(SharedMemory()))
            settings = ServiceSettings(drain_grace_s=5)
            plane = DataPlane(
                Predictor(host, is_ready=lambda: runtime.health.is_serving),
                ManagedRepository(host, ArtifactCache(folder, source)),
                memory,
                FixedSettings.of(settings),
            )

            def register(grpc_server: grpc.aio.Server) -> None:
                service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(
                    InferenceServicer(plane, runtime.draining), grpc_server
                )

            async with (
                server.serve(
                    runtime,
                    settings,
                    register,
                    service_names=[SERVICE_NAME],
                    require_token=False,
                    options=OPTIONS,
                ) as grpc_port,
                rest.serve(plane, "127.0.0.1:0", grace_s=5) as http_port,
            ):
                runtime.health.serving()
                yield Replica(
                    host, source, runtime, f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{http_port}"
                )
