"""A real registry over a memory store, in a thread of its own, for clients that block."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chassis import watch
from chassis.runtime import Runtime
from chassis.server import serve
from chassis.settings import ServiceSettings
from registry_svc import rpcs
from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.collecting import Collector
from registry_svc.domain.versions import Signature, TensorSpec
from registry_svc.pushing import Pusher
from registry_svc.sealing import Sealer
from registry_svc.staging import Staging
from registry_svc.store_memory import MemoryStore
from registry_svc.uploading import Uploader

TOKEN = "open-sesame"

_MAX_BYTES = 64 * 1024 * 1024
GRACE = timedelta(hours=1)

Inspect = Callable[[bytes], Signature]


def one_input(content: bytes) -> Signature:
    """Takes `x` and gives `y`; what says `wide` takes eight columns, else four."""
    columns = 8 if b"wide" in content else 4
    return Signature(
        inputs=(TensorSpec("x", "FP32", (-1, columns)),), outputs=(TensorSpec("y", "INT64", (-1,)),)
    )


class FixedInspector:
    """Says what an artifact takes and gives without an engine.

    Args:
        inspect: is given its bytes.
    """

    def __init__(self, inspect: Inspect = one_input) -> None:
        self._inspect = inspect

    async def inspect(self, path: Path) -> Signature:
        return self._inspect(await asyncio.to_thread(path.read_bytes))


@contextmanager
def serving(folder: Path, inspect: Inspect = one_input) -> Iterator[str]:
    """Serves until left; gives `host:port`.

    Args:
        folder: for the artifacts and the tokens file.
        inspect: what an artifact takes and gives; no engine is started.
    """
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, inspect, started)))
    thread.start()
    try:
        port, loop, left = started.result(timeout=60)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            loop.call_soon_threadsafe(left.set)
    finally:
        thread.join()


async def _serve(
    folder: Path,
    inspect: Inspect,
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]],
) -> None:
    try:
        tokens = folder / "tokens"
        tokens.write_text(f"ann admin {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
        artifacts = ArtifactFolder(folder / "artifacts")
        await artifacts.open()
        staging = Staging(folder / "artifacts" / "incoming")
        await staging.open()
        store = MemoryStore()
        left = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            runtime = Runtime("registry_svc", tasks)
            pusher = Pusher(
                store, artifacts, staging, FixedInspector(inspect), max_bytes=_MAX_BYTES, now=_now
            )
            changes = watch.Notifier()
            register = rpcs.registration(
                store,
                artifacts,
                pusher,
                Uploader(artifacts, staging, max_bytes=_MAX_BYTES),
                Collector(store, artifacts, staging, grace=GRACE, now=_now),
                now=_now,
                delete_grace=timedelta(days=30),
                draining=runtime.draining,
                changes=changes,
            )
            sealer = Sealer(store, now=_now, changes=changes)
            settings = ServiceSettings(tokens_file=tokens, drain_grace_s=5.0)
            async with (
                runtime.background(sealer.run(), name="sealer"),
                serve(runtime, settings, register, service_names=rpcs.SERVICE_NAMES) as port,
            ):
                started.set_result((port, asyncio.get_running_loop(), left))
                await left.wait()
    except BaseException as error:
        if not started.done():
            started.set_exception(error)
        raise


def _now() -> datetime:
    return datetime.now(UTC)
