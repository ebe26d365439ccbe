from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from algolink.registry.v1 import (
    artifacts_pb2_grpc,
    audit_pb2_grpc,
    ledger_pb2_grpc,
    lineage_pb2_grpc,
    registry_pb2_grpc,
    versions_pb2_grpc,
)
from algolink.registry.v1 import registry_pb2 as pb
from chassis import watch
from chassis.channel import open_channel
from chassis.database import open_engine
from chassis.runtime import Runtime
from chassis.server import serve
from chassis.settings import ServiceSettings
from registry_svc import rpcs
from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.collecting import Collector
from registry_svc.inspection import Inspector, OnnxInspector
from registry_svc.pushing import Pusher
from registry_svc.sealing import Sealer
from registry_svc.staging import Staging
from registry_svc.store import Store
from registry_svc.store_memory import MemoryStore
from registry_svc.store_sql import SqlStore
from registry_svc.uploading import Uploader
from tests.registry_svc import onnx_files, uploads
from tests.registry_svc.builders import NOON

MAX_BYTES = 4 * 1024 * 1024
DELETE_GRACE = timedelta(days=30)
GRACE = timedelta(hours=1)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    url = (
        f"sqlite+aiosqlite:///{tmp_path}/registry.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    async with open_engine(url, migrations="registry_svc.migrations") as engine:
        yield SqlStore(engine)


@pytest.fixture(scope="session")
def onnx_model() -> bytes:
    """A small model: `y = x + 1`, FP32 with four columns."""
    return onnx_files.plus_one(columns=4)


class Clock:
    """Noon, until a test says otherwise."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass
class Registry:
    """A running registry over a memory store and a real artifact folder.

    Attributes:
        stub: its rpcs.
        folder: where its artifacts are.
        draining: ends its watches when set.
        ledger: the rpcs of its ledger.
        versions: the rpcs of a version's later life.
        audit: the rpcs of its audit.
        sealer: seals the audit when told to.
        clock: what time it is for it.
        artifacts: the rpcs of its uploads in pieces.
        lineage: the rpcs of lineage.
    """

    stub: Any
    folder: Path
    draining: asyncio.Event
    ledger: Any
    versions: Any
    audit: Any
    sealer: Sealer
    clock: Clock
    artifacts: Any
    lineage: Any

    async def push(self, artifact: bytes, **header: Any) -> pb.Version:
        version: pb.Version = await self.stub.PushVersion(uploads.messages(artifact, **header))
        return version

    def files(self) -> list[Path]:
        """Every file under the artifact folder, those that are arriving included."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
def inspector() -> Inspector:
    """What the registry reads signatures with; a module may take a faster one."""
    return OnnxInspector(timeout_s=60)


@pytest.fixture
async def registry(tmp_path: Path, inspector: Inspector) -> AsyncIterator[Registry]:
    folder = tmp_path / "artifacts"
    artifacts = ArtifactFolder(folder)
    await artifacts.open()
    staging = Staging(folder / "incoming")
    await staging.open()
    token = "open-sesame"
    tokens = tmp_path / "tokens"
    tokens.write_text(f"tester admin {hashlib.sha256(token.encode()).hexdigest()}\n")
    settings = ServiceSettings(tokens_file=tokens, drain_grace_s=5.0)
    store = MemoryStore()
    clock = Clock()
    async with asyncio.TaskGroup() as tasks:
        runtime = Runtime("registry_svc", tasks)
        pusher = Pusher(store, artifacts, staging, inspector, max_bytes=MAX_BYTES, now=clock.now)
        changes = watch.Notifier()
        register = rpcs.registration(
            store,
            artifacts,
            pusher,
            Uploader(artifacts, staging, max_bytes=MAX_BYTES),
            Collector(store, artifacts, staging, grace=GRACE, now=clock.now),
            now=clock.now,
            delete_grace=DELETE_GRACE,
            draining=runtime.draining,
            changes=changes,
        )
        async with (
            serve(runtime, settings, register, service_names=rpcs.SERVICE_NAMES) as port,
            open_channel(f"127.0.0.1:{port}", token) as channel,
        ):
            yield Registry(
                registry_pb2_grpc.RegistryServiceStub(channel),
                folder,
                runtime.draining,
                ledger_pb2_grpc.LedgerServiceStub(channel),
                versions_pb2_grpc.VersionServiceStub(channel),
                audit_pb2_grpc.AuditServiceStub(channel),
                Sealer(store, now=clock.now, changes=changes),
                clock,
                artifacts_pb2_grpc.ArtifactServiceStub(channel),
                lineage_pb2_grpc.LineageServiceStub(channel),
            )
