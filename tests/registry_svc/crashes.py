"""Kills a registry at every operation on its files and its database, and looks at what is left.

    python -m tests.registry_svc.crashes FOLDER [FIRST STRIDE]

Each point is a process of its own that takes SIGKILL at its n-th operation, and another
that opens what it left, checks it, and does the work again to its end. Prints how many points
there were; says which point broke what, and exits with 1, if one did.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from algolink import audit_chain
from algolink.manifest import File, Manifest
from algolink.names import ModelName, VersionName
from algolink.registry.v1 import artifacts_pb2 as pb
from algolink.registry.v1 import registry_pb2
from chassis import watch
from chassis.database import open_engine
from registry_svc import hashing
from registry_svc.artifacts import Artifacts
from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.collecting import Collector
from registry_svc.domain import audit, models
from registry_svc.domain.audit import Actor
from registry_svc.domain.pushes import PushHeader
from registry_svc.pushing import Pusher
from registry_svc.recording import Recorder
from registry_svc.sealing import Sealer
from registry_svc.staging import Staging
from registry_svc.store import Reader
from registry_svc.store_sql import SqlStore
from registry_svc.uploading import Uploader
from tests.registry_svc import uploads
from tests.registry_svc.builders import NOON
from tests.registry_svc.served import FixedInspector

ANN = Actor("ann")
IRIS = ModelName("iris")
GRACE = timedelta(hours=1)

FIRST, STREAMED = b"the first version", b"one that comes in one call"
FILES = {"model.onnx": b"a net " * 20, "weights.bin": b"its weights " * 20}
MANIFEST = Manifest.of(
    File(path, hashlib.sha256(data).hexdigest(), len(data)) for path, data in FILES.items()
).encode()
GARBAGE = b"nobody wants it"

_OPERATIONS = frozenset(
    {"write", "sendfile", "fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "link"}
    | {"utime", "execute", "commit"}
)


@dataclass
class Registry:
    """A registry's insides, over what lies in a folder."""

    folder: Path
    store: SqlStore
    artifacts: Artifacts
    staging: Staging
    uploader: Uploader = field(init=False)
    pusher: Pusher = field(init=False)
    collector: Collector = field(init=False)
    sealer: Sealer = field(init=False)

    def __post_init__(self) -> None:
        limits = {"max_bytes": 10**6}
        self.uploader = Uploader(self.artifacts, self.staging, **limits)
        self.pusher = Pusher(
            self.store, self.artifacts, self.staging, FixedInspector(), now=_now, **limits
        )
        self.collector = Collector(self.store, self.artifacts, self.staging, grace=GRACE, now=_now)
        self.sealer = Sealer(self.store, now=_now, changes=watch.Notifier())


Opening = AbstractAsyncContextManager[Registry]


@asynccontextmanager
async def opened(
    folder: Path, url: str = "", artifacts: Artifacts | None = None
) -> AsyncIterator[Registry]:
    """As the service opens it.

    Args:
        folder: holds `artifacts` and, unless there is another URL, the database.
        url: of the database.
        artifacts: where they are kept, unless in the folder.
    """
    artifacts = artifacts or ArtifactFolder(folder / "artifacts")
    staging = Staging(folder / "artifacts" / "incoming")
    await artifacts.open()
    await staging.open()
    url = url or f"sqlite+aiosqlite:///{folder}/registry.db"
    async with open_engine(url, migrations="registry_svc.migrations") as engine:
        yield Registry(folder, SqlStore(engine), artifacts, staging)


async def prepare(folder: Path) -> None:
    """What is there before the work begins: a version, and an artifact that is garbage."""
    async with opened(folder) as registry:
        await registry.pusher.push(stream(FIRST, "push-1"), by=ANN)
        await registry.sealer.seal()
        staged = folder / "staged"
        staged.write_bytes(GARBAGE)
        await registry.artifacts.keep(staged, _digest(GARBAGE))
        os.utime(folder / "artifacts" / _digest(GARBAGE)[:2] / _digest(GARBAGE), (1, 1))


async def work(registry: Registry) -> None:
    """Upload, creation of versions, alias move, collection of garbage, seal; repeatable."""
    for content in (*FILES.values(), MANIFEST):
        await _upload(registry, content)
    await registry.pusher.create(
        PushHeader(
            model=IRIS,
            request_id="create-2",
            digest=_digest(MANIFEST),
            size_bytes=len(MANIFEST),
            aliases=frozenset({"challenger"}),
        ),
        by=ANN,
    )
    await registry.pusher.push(stream(STREAMED, "push-3"), by=ANN)
    async with registry.store.writing() as writer:
        model = await writer.get_model(IRIS)
        pointed = models.point_alias(model, "champion", 2, at=_now())
        if pointed is not model:
            await Recorder(writer, ANN, "SetAlias", _now()).save_model(model, pointed)
    await registry.collector.collect(limit=100, dry_run=False, by=ANN)
    await registry.sealer.seal()


async def check(registry: Registry) -> None:
    """Raises AssertionError where something that must always hold does not."""
    async with registry.store.reading() as reader:
        for model in await reader.list_models(after=None, limit=100):
            versions = await reader.list_versions(model.name, below=None, limit=100)
            assert [v.name.number for v in versions] == list(range(model.latest_version, 0, -1))
            for alias, target in model.aliases.items():
                move = await reader.find_move_at(model.name, alias, _now() + GRACE)
                assert move is not None
                assert move.version == target.version, f"{alias} is not where its ledger says"
                assert 1 <= target.version <= model.latest_version, f"{alias} points to nothing"
            for version in versions:
                content = b"".join([p async for p in registry.artifacts.read(version.digest)])
                assert len(content) == version.size_bytes
                if version.folder_files:
                    for file in Manifest.parse(content).files:
                        kept = await registry.artifacts.find(file.digest)
                        assert kept.size_bytes == file.size_bytes
        await _check_audit(reader)
    async for kept in registry.artifacts.kept():
        path = registry.folder / "artifacts" / kept.digest[:2] / kept.digest
        assert hashing.of_file(path) == kept.digest, "half an artifact"
    rooms = list((registry.folder / "artifacts" / "incoming").glob("room-*"))
    assert rooms == [], "what a killed call left stays"


async def check_done(registry: Registry) -> None:
    """Raises AssertionError unless the work is done, once."""
    async with registry.store.reading() as reader:
        model = await reader.get_model(IRIS)
        second = await reader.get_version(VersionName("iris", 2))
    assert model.latest_version == 3
    assert {name: alias.version for name, alias in model.aliases.items()} == {
        "champion": 2,
        "challenger": 2,
    }
    assert second.folder_files == len(FILES)
    kept = {kept.digest async for kept in registry.artifacts.kept()}
    wanted = (FIRST, STREAMED, MANIFEST, *FILES.values())
    assert kept == {_digest(content) for content in wanted}
    assert not list((registry.folder / "artifacts" / "incoming").iterdir())


async def _check_audit(reader: Reader) -> None:
    recorded = await reader.list_entries(after=0, limit=1_000)
    assert [each.entry.number for each in recorded] == list(range(1, len(recorded) + 1))
    previous = audit_chain.GENESIS
    last: dict[str, str] = {}
    for each in recorded:
        assert each.entry.before_digest == last.get(each.entry.resource, each.entry.before_digest)
        last[each.entry.resource] = each.entry.after_digest
        if each.seal is not None:
            previous = audit_chain.chained(previous, each.entry.link)
            assert each.seal.hash == previous, "the chain does not verify"
    for model in await reader.list_models(after=None, limit=100):
        assert last[str(model.name)] == audit.digest_of_model(model)


async def _upload(registry: Registry, content: bytes) -> None:
    digest = _digest(content)
    progress = await registry.uploader.begin(digest, digest=digest, size_bytes=len(content))
    while not progress.complete:
        start = progress.committed_bytes
        chunk = content[start : start + 64]

        async def piece(
            start: int = start, chunk: bytes = chunk
        ) -> AsyncIterator[pb.WriteUploadRequest]:
            yield pb.WriteUploadRequest(upload=digest, offset=start, chunk=chunk)

        progress = await registry.uploader.write(piece())


async def stream(content: bytes, request_id: str) -> AsyncIterator[registry_pb2.PushVersionRequest]:
    for message in uploads.messages(content, request_id=request_id):
        yield message


def _now() -> datetime:
    return NOON


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Killer:
    """Counts operations on files and databases; before the n-th this process is killed.

    Args:
        at: 0 only counts.
    """

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at
        threading.setprofile(self._called)  # of the threads that begin from now on
        sys.setprofile(self._called)

    def _called(self, _frame: object, kind: str, function: object) -> None:
        if kind == "c_call" and getattr(function, "__name__", "") in _OPERATIONS:
            self.count += 1
            if self.count == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


async def _killed(folder: Path, at: int) -> None:
    async with opened(folder) as registry:
        Killer(at)
        await work(registry)


async def _looked_at(folder: Path) -> None:
    async with opened(folder) as registry:
        await check(registry)
        await work(registry)
        await check(registry)
        await check_done(registry)


def _in_child(work: Coroutine[object, object, object]) -> int:
    """Runs in a forked process; its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(work)
        except Exception:  # noqa: BLE001 - whatever it is, it ends this process and no other
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    work.close()
    return os.waitpid(pid, 0)[1]


def points(base: Path, first: int, stride: int) -> Iterator[tuple[int, str]]:
    """Kills at every `stride`-th operation until the work ends; each point and its verdict."""
    at = first
    while True:
        folder = base / f"at-{at}"
        shutil.copytree(base / "prepared", folder)
        status = _in_child(_killed(folder, at))
        if not os.WIFSIGNALED(status):
            assert status == 0, f"the work fails at point {at}"
            return
        status = _in_child(_looked_at(folder))
        yield at, "" if status == 0 else "what was left is wrong, or cannot be used"
        shutil.rmtree(folder)
        at += stride


def main() -> None:
    base = Path(sys.argv[1]).resolve()
    first, stride = (int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 2 else (1, 1)
    (base / "prepared").mkdir()
    # In this process, so that the children begin with all modules loaded. No thread is left.
    asyncio.run(prepare(base / "prepared"))
    shutil.copytree(base / "prepared", base / "warm-up")
    asyncio.run(_looked_at(base / "warm-up"))
    gc.freeze()  # what the children share stays shared
    gc.disable()
    verdicts = list(points(base, first, stride))
    sys.stdout.write(f"{len(verdicts)} points\n")
    broken = [f"point {at}: {wrong}" for at, wrong in verdicts if wrong]
    sys.stderr.write("\n".join(broken))
    sys.exit(1 if broken or not verdicts else 0)


if __name__ == "__main__":
    main()
