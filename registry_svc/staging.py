"""Uploads on their way: files on a local disk, which become artifacts when they are whole.

One that comes in one call is gone with it. One that comes in several stays, through
restarts too, until it is whole or too old.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from algolink.errors import AlreadyExists, FailedPrecondition, NotFound
from registry_svc import artifacts
from registry_svc.arrival import Arrival

_ROOM: Final = "room-"
_UPLOAD: Final = "upload-"


class Staging:
    """A folder of uploads on their way, for one process at a time.

    A room is locked while it is in use, so that a start can tell what a killed
    process left from what one that is still draining holds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arrivals: dict[str, Arrival] = {}

    async def open(self) -> None:
        """Makes the folder, and removes what killed calls left in it.

        Raises:
            FailedPrecondition: ARTIFACT_DIR_NOT_WRITABLE.
        """
        await asyncio.to_thread(self._open)

    @asynccontextmanager
    async def room(self) -> AsyncIterator[Path]:
        """An empty folder; gone when left."""
        descriptor, path = await asyncio.to_thread(self._make_room)
        try:
            yield path
        finally:
            # Not in a thread: this runs when the call is cancelled, too.
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)

    @asynccontextmanager
    async def arrival(self, *, digest: str, size_bytes: int) -> AsyncIterator[Arrival]:
        """A file for an artifact; gone when left."""
        async with self.room() as room:
            path = room / "data"
            await asyncio.to_thread(path.touch)
            yield Arrival(path, digest=digest, size_bytes=size_bytes)

    async def begin(self, upload: str, *, digest: str, size_bytes: int) -> Arrival:
        """An upload that stays until it is dropped; the one of that id, if there is one.

        Raises:
            AlreadyExists: UPLOAD_ID_REUSED, if that one is of something else.
            ResourceExhausted: DISK_FULL.
        """
        try:
            await asyncio.to_thread(self._begin, upload, digest, size_bytes)
        except OSError as error:
            raise artifacts.disk_full(error) from error
        arrival = await self.find(upload)
        if (arrival.digest, arrival.size_bytes) != (digest, size_bytes):
            raise AlreadyExists(
                "UPLOAD_ID_REUSED",
                f"upload {upload} is of {arrival.size_bytes} bytes with digest {arrival.digest}: "
                "use a new id",
                upload=upload,
                digest=arrival.digest,
                size_bytes=arrival.size_bytes,
            )
        return arrival

    async def find(self, upload: str) -> Arrival:
        """An upload that was begun.

        Raises:
            NotFound: UPLOAD_NOT_FOUND.
        """
        known = self._arrivals.get(upload)
        if known is None:
            try:
                known = await asyncio.to_thread(self._read, upload)
            except FileNotFoundError as error:
                raise NotFound(
                    "UPLOAD_NOT_FOUND",
                    f"there is no upload {upload}: it is done, or was dropped; begin it again",
                    upload=upload,
                ) from error
            known = self._arrivals.setdefault(upload, known)
        return known

    async def drop(self, upload: str) -> None:
        """Forgets an upload; one that is not there is no error."""
        self._arrivals.pop(upload, None)
        await asyncio.to_thread(shutil.rmtree, self._path(upload), ignore_errors=True)

    async def drop_older_than(self, time: datetime) -> list[str]:
        """Drops uploads to which nothing came since; returns their ids."""
        dropped = []
        for path in await asyncio.to_thread(lambda: list(self._folder.glob(f"{_UPLOAD}*"))):
            try:
                last = (path / "data").stat().st_mtime
            except FileNotFoundError:
                last = path.stat().st_mtime if path.exists() else 0.0
            if last < time.timestamp():
                upload = path.name.removeprefix(_UPLOAD)
                await self.drop(upload)
                dropped.append(upload)
        return dropped

    def _path(self, upload: str) -> Path:
        return self._folder / f"{_UPLOAD}{upload}"

    def _open(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in self._folder.iterdir():
                if not path.name.startswith(_UPLOAD):
                    _remove_unless_locked(path)
            tempfile.TemporaryFile(dir=self._folder).close()
        except OSError as error:
            raise FailedPrecondition(
                "ARTIFACT_DIR_NOT_WRITABLE",
                f"cannot write uploads to {self._folder}: {error.strerror}",
                artifact_dir=self._folder,
            ) from error

    def _make_room(self) -> tuple[int, Path]:
        try:
            path = Path(tempfile.mkdtemp(prefix=_ROOM, dir=self._folder))
        except OSError as error:
            raise artifacts.disk_full(error) from error
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor, path

    def _begin(self, upload: str, digest: str, size_bytes: int) -> None:
        target = self._path(upload)
        if target.exists():
            return
        descriptor, room = self._make_room()
        try:
            (room / "data").touch()
            (room / "upload.json").write_text(
                json.dumps({"digest": digest, "size_bytes": size_bytes})
            )
            room.rename(target)
        except OSError:
            shutil.rmtree(room, ignore_errors=True)
            if not target.exists():  # a twin of this call was faster, or else it failed
                raise
        finally:
            os.close(descriptor)

    def _read(self, upload: str) -> Arrival:
        path = self._path(upload)
        value = json.loads((path / "upload.json").read_text())
        return Arrival(path / "data", digest=value["digest"], size_bytes=value["size_bytes"])


def _remove_unless_locked(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
