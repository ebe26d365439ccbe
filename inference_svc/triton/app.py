"""Composition root of a replica that is one Triton server, and its agent."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Final

from algolink.errors import FailedPrecondition
from chassis import auth, server
from chassis.channel import open_channel
from chassis.runtime import Runtime
from inference_svc.announcer import Announcer, Identity
from inference_svc.artifacts import ArtifactCache
from inference_svc.engines.onnx import OnnxEngine
from inference_svc.host import ModelHost, Retry
from inference_svc.registry_source import RegistrySource
from inference_svc.settings import Settings
from inference_svc.triton.engine import TritonEngine
from inference_svc.triton.follower import Follower
from inference_svc.triton.installation import Installation
from inference_svc.triton.model_files import Runs
from inference_svc.triton.repository import ModelRepository
from inference_svc.triton.server import Listeners, TritonServer
from inference_svc.wanted_file import WantedFile

_FAREWELL_S: Final = 1.0
"""How long a router that does not listen can hold up a drain."""


@asynccontextmanager
async def app(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """One Triton and its agent, while it is entered.

    Requests go straight to Triton: the agent's own port answers health checks alone.
    Leaving it drains and ends Triton. A killed agent leaves Triton running, for the
    next one to adopt.
    """
    installation = await asyncio.to_thread(Installation.find, settings.triton_environment)
    folder = settings.cache_dir.absolute() / "triton"
    folder.mkdir(parents=True, exist_ok=True)
    runs = Runs(settings.threads_per_run, settings.instances or 1, settings.batching)
    repository = ModelRepository(folder, runs, runs_onnx_itself=installation.runs_onnx_itself)
    token = auth.read_token(settings.token_file)
    with _only_agent(folder):
        repository.open()
        triton = TritonServer(
            folder,
            repository.folder,
            installation,
            Listeners(
                grpc=settings.triton_listen,
                http=settings.triton_http_listen,
                metrics=settings.triton_metrics_listen,
            ),
            marks=repr(runs),
            exit_grace_s=settings.drain_grace_s,
        )
        async with (
            server.serve(runtime, settings, lambda _: None, service_names=(), require_token=False),
            open_channel(settings.registry_address, token) as registry_channel,
            open_channel(settings.router_address, token) as router_channel,
        ):
            artifacts = ArtifactCache(
                settings.cache_dir / "artifacts",
                RegistrySource(registry_channel),
                settings.artifact_cache_bytes,
            )
            artifacts.open()
            wanted_file = WantedFile(settings.cache_dir / "wanted.json")
            onnx = OnnxEngine(concurrency=1, threads_per_run=settings.threads_per_run)
            with closing(onnx):
                host = ModelHost(
                    TritonEngine(triton, repository, onnx, runs),
                    artifacts,
                    Retry(first_s=settings.load_retry_s),
                    settings.batching,
                )
                # What Triton may still have stays until the router has said what goes.
                host.want((*repository.versions(), *(wanted_file.read() or ())), whole=False)
                identity = Identity(
                    replica_id=settings.replica_id,
                    pool=settings.pool,
                    grpc_address=settings.advertised(settings.triton_listen),
                    http_address=settings.advertised(settings.triton_http_listen),
                    foreign=True,
                )
                announcer = Announcer(host, identity, router_channel, wanted_file)
                async with (
                    host.running(),
                    _running(settings, runtime, triton, host),
                    runtime.background(announcer.run(), name="announcer"),
                    runtime.background(Follower(triton).run(), name="triton statistics"),
                ):
                    yield
                    await announcer.drain(_FAREWELL_S)
                    # The router takes it out of every Envoy meanwhile.
                    await asyncio.sleep(settings.drain_notice_s)


@asynccontextmanager
async def _running(
    settings: Settings, runtime: Runtime, triton: TritonServer, host: ModelHost
) -> AsyncIterator[None]:
    def on_live(is_live: bool) -> None:
        runtime.health.serving(is_live)
        if not is_live:
            host.lose_all()

    try:
        await triton.begin(settings.triton_ready_timeout_s)
        async with runtime.background(triton.watch(on_live), name="triton"):
            yield
    finally:
        await triton.stop()


@contextmanager
def _only_agent(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; the kernel frees it when this process ends."""
    descriptor = os.open(folder / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FailedPrecondition(
            "AGENT_RUNNING", f"another agent runs in {folder}", folder=folder
        ) from error
    else:
        yield
    finally:
        os.close(descriptor)
