"""The registry, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta

from chassis import database, server, watch
from chassis.runtime import Runtime
from registry_svc import rpcs
from registry_svc.collecting import Collector
from registry_svc.inspection import OnnxInspector
from registry_svc.noticing import Listener, Poller
from registry_svc.places import artifacts_of
from registry_svc.pushing import Pusher
from registry_svc.sealing import Sealer
from registry_svc.settings import Settings
from registry_svc.staging import Staging
from registry_svc.store_sql import SqlStore
from registry_svc.uploading import Uploader


@asynccontextmanager
async def app(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Database, artifacts, server."""
    artifacts = artifacts_of(settings)
    await artifacts.open()
    staging = Staging(settings.artifact_dir / "incoming")
    await staging.open()
    async with database.open_engine(
        settings.database_url, migrations="registry_svc.migrations"
    ) as engine:
        store = SqlStore(engine)
        pusher = Pusher(
            store,
            artifacts,
            staging,
            OnnxInspector(timeout_s=settings.inspection_timeout_s),
            max_bytes=settings.max_artifact_bytes,
            now=runtime.now,
        )
        changes = watch.Notifier()
        sealer = Sealer(store, now=runtime.now, changes=changes)
        register = rpcs.registration(
            store,
            artifacts,
            pusher,
            Uploader(artifacts, staging, max_bytes=settings.max_artifact_bytes),
            Collector(
                store,
                artifacts,
                staging,
                grace=timedelta(seconds=settings.artifact_grace_s),
                now=runtime.now,
            ),
            now=runtime.now,
            delete_grace=timedelta(seconds=settings.delete_grace_s),
            draining=runtime.draining,
            changes=changes,
        )
        async with (
            runtime.background(sealer.run(), name="sealer"),
            runtime.background(Poller(store, changes=changes).run(), name="poller"),
            _listening(settings, runtime, changes),
            server.serve(runtime, settings, register, service_names=rpcs.SERVICE_NAMES),
        ):
            yield


def _listening(
    settings: Settings, runtime: Runtime, changes: watch.Notifier
) -> AbstractAsyncContextManager[object]:
    if not settings.database_url.startswith("postgresql"):
        return nullcontext()
    listener = Listener(settings.database_url, changes=changes)
    return runtime.background(listener.run(), name="listener")
