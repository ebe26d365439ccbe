"""Artifacts in a folder: `<folder>/<first two digits>/<digest>`.

A file gets there by one rename, after it was written elsewhere on the same disk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from algolink import names
from algolink.errors import FailedPrecondition, InvalidArgument
from registry_svc import artifacts, hashing
from registry_svc.artifacts import READ_BYTES, Kept


class ArtifactFolder:
    """An `Artifacts` on a disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self) -> None:
        await asyncio.to_thread(self._open)

    async def keep(self, path: Path, digest: str) -> None:
        await asyncio.to_thread(self._keep, path, self._path(digest))

    async def find(self, digest: str) -> Kept:
        try:
            return await asyncio.to_thread(_kept, self._path(digest))
        except FileNotFoundError as error:
            raise artifacts.not_found(digest) from error

    async def read(
        self, digest: str, offset: int = 0, limit: int | None = None
    ) -> AsyncIterator[bytes]:
        size_bytes = (await self.find(digest)).size_bytes
        artifacts.check_offset(offset, size_bytes, digest)
        wanted = size_bytes - offset if limit is None else min(limit, size_bytes - offset)
        pieces = self._pieces(digest, offset, wanted)
        async for piece in hashing.verified(pieces, digest) if wanted == size_bytes else pieces:
            yield piece

    async def place(self, digest: str, path: Path) -> None:
        try:
            await asyncio.to_thread(_link, self._path(digest), path)
        except FileNotFoundError as error:
            raise artifacts.not_found(digest) from error
        found = await asyncio.to_thread(hashing.of_file, path)
        if found != digest:
            raise artifacts.damaged(digest, found)

    async def remove(self, digest: str) -> None:
        await asyncio.to_thread(self._path(digest).unlink, missing_ok=True)

    async def kept(self) -> AsyncIterator[Kept]:
        for shelf in await asyncio.to_thread(self._shelves):
            for kept in await asyncio.to_thread(_on_shelf, shelf):
                yield kept

    async def _pieces(self, digest: str, offset: int, wanted: int) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self._path(digest).open, "rb")
        except FileNotFoundError as error:
            raise artifacts.not_found(digest) from error
        try:
            file.seek(offset)
            while wanted:
                piece = await asyncio.to_thread(file.read, min(READ_BYTES, wanted))
                if not piece:
                    return
                wanted -= len(piece)
                yield piece
        finally:
            file.close()

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _shelves(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if len(path.name) == 2 and path.is_dir()]

    def _open(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            probe = self._folder / ".writable"
            probe.touch()
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise FailedPrecondition(
                "ARTIFACT_DIR_NOT_WRITABLE",
                f"cannot write artifacts to {self._folder}: {error.strerror}",
                artifact_dir=self._folder,
            ) from error

    def _keep(self, staged: Path, target: Path) -> None:
        try:
            target.parent.mkdir(exist_ok=True)
            # In place of one that is there: that may be damaged, and now counts as new.
            staged.replace(target)
            os.utime(target)
            for folder in (target.parent, self._folder):
                _sync_folder(folder)
        except OSError as error:
            raise artifacts.disk_full(error) from error


def _on_shelf(shelf: Path) -> list[Kept]:
    found = []
    for path in shelf.iterdir():
        try:
            names.check_digest(path.name)
            found.append(_kept(path))
        except (InvalidArgument, FileNotFoundError):
            continue  # not an artifact, or removed meanwhile
    return found


def _kept(path: Path) -> Kept:
    status = path.stat()
    return Kept(path.name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
