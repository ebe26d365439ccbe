"""The registry, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from algolink.registry.v1 import registry_pb2_grpc
from chassis import database, server
from chassis.runtime import Runtime
from registry_svc.artifacts import ArtifactFolder
from registry_svc.inspection import OnnxInspector
from registry_svc.pushing import Pusher
from registry_svc.servicer import RegistryServicer
from registry_svc.settings import Settings
from registry_svc.store_sql import SqlStore

SERVICE_NAMES = ("algolink.registry.v1.RegistryService",)


@asynccontextmanager
async def app(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Database, artifacts, server."""
    artifacts = ArtifactFolder(settings.artifact_dir)
    await artifacts.open()
    async with database.open_engine(
        settings.database_url, migrations="registry_svc.migrations"
    ) as engine:
        store = SqlStore(engine)
        pusher = Pusher(
            store,
            artifacts,
            OnnxInspector(timeout_s=settings.inspection_timeout_s),
            max_bytes=settings.max_artifact_bytes,
            now=runtime.now,
        )
        servicer = RegistryServicer(
            store, artifacts, pusher, now=runtime.now, draining=runtime.draining
        )

        def register(grpc_server: grpc.aio.Server) -> None:
            registry_pb2_grpc.add_RegistryServiceServicer_to_server(servicer, grpc_server)

        async with server.serve(runtime, settings, register, service_names=SERVICE_NAMES):
            yield
