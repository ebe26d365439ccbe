"""Composition root: what the service opens, and in which order it closes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Final

from chassis import auth
from chassis.channel import open_channel
from chassis.runtime import Runtime
from inference_svc.announcer import Announcer, Identity
from inference_svc.artifacts import ArtifactCache
from inference_svc.data_plane import DataPlane
from inference_svc.fixed_settings import FixedSettings
from inference_svc.fronts import fronts, onnx_engine, quiet_access_log
from inference_svc.host import ModelHost, Retry
from inference_svc.predictor import Predictor
from inference_svc.registry_source import RegistrySource
from inference_svc.repository import ManagedRepository
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
    quiet_access_log(settings)
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
        with closing(onnx_engine(settings)) as engine, closing(SharedMemory()) as memory:
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
                fronts(settings, runtime, plane) as (grpc_port, http_port),
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


def _bound(settings: Settings, listen: str, port: int) -> str:
    """Where proxies reach what listens on `listen`, whose port may have been left open."""
    return settings.advertised(f"{listen.rpartition(':')[0]}:{port}")
