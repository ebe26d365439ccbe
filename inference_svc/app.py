"""Composition root: what the service opens, and in which order it closes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Final

import grpc
from tritonclient.grpc import service_pb2_grpc

from chassis import auth, server
from chassis.channel import open_channel
from chassis.runtime import Runtime
from inference_svc import rest
from inference_svc.announcer import Announcer, Identity
from inference_svc.artifacts import ArtifactCache
from inference_svc.data_plane import DataPlane
from inference_svc.engines.onnx import OnnxEngine
from inference_svc.fixed_settings import FixedSettings
from inference_svc.host import ModelHost, Retry
from inference_svc.predictor import Predictor
from inference_svc.registry_source import RegistrySource
from inference_svc.repository import ManagedRepository
from inference_svc.servicer_grpc import OPTIONS, SERVICE_NAME, InferenceServicer
from inference_svc.settings import Settings
from inference_svc.shared_memory import SharedMemory
from inference_svc.wanted_file import WantedFile

_FAREWELL_S: Final = 1.0
"""How long a router that does not listen can hold up a drain."""


@asynccontextmanager
async def app(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """One replica, while it is entered.

    It serves before it has reached a router or the registry: what it was last
    told to hold, and has in its cache, needs neither.
    """
    _quiet_access_log(settings)
    token = auth.read_token(settings.token_file)
    async with (
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
        engine = OnnxEngine(
            concurrency=settings.runs_at_a_time,
            threads_per_run=settings.threads_per_run,
            provider=settings.execution_provider,
            short_run_ns=settings.short_run_us * 1_000,
        )
        with closing(engine), closing(SharedMemory()) as memory:
            host = ModelHost(
                engine, artifacts, Retry(first_s=settings.load_retry_s), settings.batching
            )
            # What was wanted last is a beginning, and not all that can be wanted now.
            host.want(wanted_file.read() or (), whole=False)
            plane = DataPlane(
                Predictor(host, is_ready=lambda: runtime.health.is_serving),
                ManagedRepository(host, artifacts),
                memory,
                FixedSettings.of(settings),
            )
            async with (
                host.running(),
                _fronts(settings, runtime, plane) as (grpc_port, http_port),
            ):
                identity = Identity(
                    replica_id=settings.replica_id,
                    pool=settings.pool,
                    grpc_address=_bound(settings, settings.listen, grpc_port),
                    http_address=_bound(settings, settings.http_listen, http_port),
                )
                announcer = Announcer(host, identity, router_channel, wanted_file)
                async with runtime.background(announcer.run(), name="announcer"):
                    yield
                    await announcer.drain(_FAREWELL_S)
                    # The router takes this replica out of every Envoy meanwhile;
                    # what they have sent by then is still answered.
                    await asyncio.sleep(settings.drain_notice_s)


@asynccontextmanager
async def _fronts(
    settings: Settings, runtime: Runtime, plane: DataPlane
) -> AsyncIterator[tuple[int, int]]:
    """Both transports over one data plane; gives the ports of gRPC and HTTP."""
    # Not at the drain's beginning: until every Envoy has let go of this replica,
    # a stream that ends would be opened here again.
    ending = asyncio.Event()

    def register(grpc_server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(
            InferenceServicer(plane, ending), grpc_server
        )

    async with (
        server.serve(
            runtime,
            settings,
            register,
            service_names=[SERVICE_NAME],
            require_token=False,  # the data plane: who may call is decided before it
            options=OPTIONS,
        ) as grpc_bound,
        rest.serve(plane, settings.http_listen, grace_s=settings.drain_grace_s) as http_bound,
    ):
        try:
            yield grpc_bound, http_bound
        finally:
            ending.set()


def _bound(settings: Settings, listen: str, port: int) -> str:
    """Where proxies reach what listens on `listen`, whose port may have been left open."""
    return settings.advertised(f"{listen.rpartition(':')[0]}:{port}")


def _quiet_access_log(settings: Settings) -> None:
    """A line per prediction is the proxy's to write: here it would cost more than the model."""
    if settings.log_level != "DEBUG":
        logging.getLogger("chassis.access").setLevel(logging.WARNING)
