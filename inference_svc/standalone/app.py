"""Composition root of a server of a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from chassis.runtime import Runtime
from inference_svc.data_plane import DataPlane
from inference_svc.fixed_settings import FixedSettings
from inference_svc.fronts import fronts, onnx_engine, quiet_access_log
from inference_svc.host import ModelHost, Retry
from inference_svc.predictor import Predictor
from inference_svc.settings import StandaloneSettings
from inference_svc.shared_memory import SharedMemory
from inference_svc.standalone.folder import ModelFolder
from inference_svc.standalone.repository import FolderRepository


@asynccontextmanager
async def app(settings: StandaloneSettings, runtime: Runtime) -> AsyncIterator[None]:
    """Serves all models of the folder, and welcomes requests once each is loaded or has failed."""
    quiet_access_log(settings)
    folder = ModelFolder(settings.models)
    with closing(onnx_engine(settings)) as engine, closing(SharedMemory()) as memory:
        host = ModelHost(engine, folder, Retry(first_s=settings.load_retry_s), settings.batching)
        repository = FolderRepository(host, folder)
        plane = DataPlane(
            Predictor(host, is_ready=lambda: runtime.health.is_serving),
            repository,
            memory,
            FixedSettings.of(settings),
        )
        versions = await folder.versions()
        host.want(versions, whole=True)
        async with host.running(), fronts(settings, runtime, plane):
            await repository.settled(versions)
            yield
