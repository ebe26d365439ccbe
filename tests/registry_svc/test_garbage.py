"""What is removed, what stays, and what a version on its way can rely on."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from algolink.manifest import File, Manifest
from algolink.names import ModelName
from algolink.registry.v1 import artifacts_pb2 as pb
from algolink.registry.v1 import audit_pb2, registry_pb2, versions_pb2
from registry_svc.artifacts import Kept
from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.collecting import Collector
from registry_svc.domain import models
from registry_svc.domain.audit import Actor
from registry_svc.domain.versions import State
from registry_svc.recording import Recorder
from registry_svc.staging import Staging
from registry_svc.store import Store
from tests.registry_svc.builders import NOON, a_model, a_version
from tests.registry_svc.conftest import DELETE_GRACE, GRACE, Registry
from tests.registry_svc.test_servicer_artifacts import begin, digest_of, refusal, upload, version

ANN = Actor("ann")
DAY = timedelta(days=1)


def age(registry: Registry) -> None:
    """Makes all that is there so far as old as the clock of these tests says it is."""
    for path in registry.files():
        os.utime(path, (NOON.timestamp(), NOON.timestamp()))


async def collect(registry: Registry, **options: object) -> pb.CollectGarbageResponse:
    request = pb.CollectGarbageRequest(**options)  # type: ignore[arg-type]
    answer: pb.CollectGarbageResponse = await registry.artifacts.CollectGarbage(request)
    return answer


async def test_what_no_version_needs_goes_after_the_grace_period(registry: Registry) -> None:
    digest = await upload(registry, b"nobody wants it")
    age(registry)
    registry.clock.advance(minutes=59)
    early = await collect(registry)

    registry.clock.advance(minutes=2)
    late = await collect(registry)

    assert (len(early.garbage), early.recent_artifacts) == (0, 1)
    assert [found.digest for found in late.garbage] == [digest]
    assert late.garbage_bytes == len(b"nobody wants it")
    assert late.garbage[0].explanation == "no version was ever made of it"
    assert registry.files() == []


async def test_a_dry_run_tells_the_same_and_removes_nothing(registry: Registry) -> None:
    digest = await upload(registry, b"nobody wants it")
    age(registry)
    registry.clock.advance(days=1)

    told = await collect(registry, dry_run=True)

    assert [found.digest for found in told.garbage] == [digest]
    assert [path.name for path in registry.files()] == [digest]
    assert (await collect(registry)).garbage == told.garbage


async def test_a_limit_is_kept_and_told(registry: Registry) -> None:
    for content in (b"one", b"two", b"three"):
        await upload(registry, content)
    age(registry)
    registry.clock.advance(days=1)

    first = await collect(registry, limit=2)
    second = await collect(registry, limit=2)

    assert (len(first.garbage), first.more) == (2, True)
    assert (len(second.garbage), second.more) == (1, False)


@pytest.mark.parametrize("limit", [-1, 10_001])
async def test_a_limit_that_makes_no_sense_is_refused(registry: Registry, limit: int) -> None:
    request = pb.CollectGarbageRequest(limit=limit)

    error = await refusal(registry.artifacts.CollectGarbage(request))

    assert error.reason == "LIMIT_INVALID"


async def test_what_a_deleted_version_had_goes_once_it_cannot_be_restored(
    registry: Registry, onnx_model: bytes
) -> None:
    await registry.push(onnx_model)
    second = await registry.push(onnx_model + b"\x72\x00", request_id="push-2")
    await registry.versions.DeleteVersion(versions_pb2.DeleteVersionRequest(name=second.name))
    age(registry)
    registry.clock.time += DELETE_GRACE
    restorable = await collect(registry)

    registry.clock.time += GRACE + timedelta(seconds=1)
    purged = await collect(registry)

    assert (len(restorable.garbage), restorable.needed_artifacts) == (0, 2)
    assert [found.digest for found in purged.garbage] == [second.digest]
    assert list(purged.garbage[0].versions) == [second.name]
    assert "deleted for good: models/iris/versions/2" in purged.garbage[0].explanation


async def test_a_removal_is_in_the_audit(registry: Registry) -> None:
    digest = await upload(registry, b"nobody wants it")
    age(registry)
    registry.clock.advance(days=1)
    await collect(registry)

    entries = await registry.audit.ListAuditEntries(audit_pb2.ListAuditEntriesRequest())

    (entry,) = entries.entries
    assert (entry.action, entry.resource) == ("CollectGarbage", f"artifacts/{digest}")
    assert (entry.before_digest, entry.after_digest) == (digest, "")


async def test_uploads_that_were_given_up_go_too(registry: Registry) -> None:
    await registry.artifacts.BeginUpload(begin(b"never finished", "mine"))
    age(registry)
    registry.clock.advance(days=1)

    assert (await collect(registry)).given_up_uploads == ["mine"]

    assert registry.files() == []


async def test_a_version_of_what_was_collected_meanwhile_is_refused_not_made(
    registry: Registry, onnx_model: bytes
) -> None:
    await upload(registry, onnx_model)
    assert (await registry.artifacts.BeginUpload(begin(onnx_model))).complete
    age(registry)
    registry.clock.advance(days=1)
    await collect(registry)

    error = await refusal(registry.artifacts.CreateVersion(version(onnx_model)))

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "ARTIFACT_MISSING")
    listed = await registry.stub.ListModels(registry_pb2.ListModelsRequest())
    assert list(listed.models) == []


# Who needs what, by every store


async def save(store: Store, artifact: str, manifest: Manifest | None = None) -> None:
    async with store.writing() as writer:
        recorder = Recorder(writer, ANN, "CreateVersion", NOON)
        model = models.new(ModelName("iris"), at=NOON)
        await recorder.save_model(model, a_model())
        await recorder.add_version(replace(a_version(), digest=artifact))
        if manifest is not None:
            await writer.add_files(artifact, manifest)
            await writer.add_files(artifact, manifest)  # once is enough


async def test_a_version_needs_its_artifact_and_the_files_of_its_folder(store: Store) -> None:
    manifest = Manifest.of([File("a", "a" * 64, 1), File("b", "b" * 64, 1)])
    folder = digest_of(manifest.encode())
    await save(store, folder, manifest)
    many = [f"{n:064x}" for n in range(600)]

    async with store.reading() as reader:
        needed = await reader.needed([folder, "a" * 64, "c" * 64, *many], purged_before=NOON)
        having = await reader.versions_with("b" * 64, limit=10)

    assert needed == {folder, "a" * 64}
    assert having == [a_version().name]


async def test_a_version_that_is_gone_for_good_needs_nothing(store: Store) -> None:
    digest = "a" * 64
    await save(store, digest)
    async with store.writing() as writer:
        present = await writer.get_version(a_version().name)
        changed = replace(present, state=State.DELETED, purge_time=NOON + DAY)
        model = await writer.get_model(ModelName("iris"))
        await writer.put_version(changed)
        await writer.put_model(model)

    async with store.reading() as reader:
        while_restorable = await reader.needed([digest], purged_before=NOON + DAY)
        for_good = await reader.needed([digest], purged_before=NOON + DAY + DAY)

    assert while_restorable == {digest}
    assert for_good == frozenset()


class Slow(ArtifactFolder):
    """Stops before it has listed what is kept until it is told to go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.listed, self.go_on = asyncio.Event(), asyncio.Event()

    async def kept(self) -> AsyncIterator[Kept]:
        found = [kept async for kept in super().kept()]
        self.listed.set()
        await self.go_on.wait()
        for kept in found:
            yield kept


async def test_what_comes_into_use_while_garbage_is_collected_stays(
    store: Store, tmp_path: Path
) -> None:
    content = b"wanted after all"
    digest = hashlib.sha256(content).hexdigest()
    artifacts, staging = Slow(tmp_path / "artifacts"), Staging(tmp_path / "incoming")
    await artifacts.open()
    await staging.open()
    (tmp_path / "staged").write_bytes(content)
    await artifacts.keep(tmp_path / "staged", digest)
    os.utime(tmp_path / "artifacts" / digest[:2] / digest, (1, 1))
    collector = Collector(store, artifacts, staging, grace=GRACE, now=lambda: NOON)

    collecting = asyncio.create_task(collector.collect(limit=9, dry_run=False, by=ANN))
    await artifacts.listed.wait()
    await save(store, digest)
    artifacts.go_on.set()
    collection = await collecting

    assert collection.garbage == []
    assert (await artifacts.find(digest)).size_bytes == len(content)
