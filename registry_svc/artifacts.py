"""Artifacts in a folder, named by what is in them.

An upload is written under `incoming/` and becomes visible, whole, by one rename.
Whoever writes it holds a lock on it, so that a start can tell what a killed
process left from what a living one is writing.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from algolink.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    OutOfRange,
    ResourceExhausted,
)
from registry_svc.domain import pushes

READ_BYTES = 1024 * 1024
"""Size of a piece that is read."""


class Upload:
    """An artifact while it arrives.

    Attributes:
        path: where its bytes are until it is kept.
    """

    def __init__(self, file: BinaryIO, path: Path, *, digest: str, size_bytes: int) -> None:
        self.path = path
        self._file = file
        self._digest = digest
        self._size_bytes = size_bytes
        self._received = 0
        self._sha256 = hashlib.sha256()

    async def write(self, chunk: bytes) -> None:
        """Appends bytes.

        Raises:
            InvalidArgument: SIZE_MISMATCH, if there are more than announced.
            ResourceExhausted: DISK_FULL.
        """
        self._received += len(chunk)
        if self._received > self._size_bytes:
            raise self._size_mismatch(f"more than {self._size_bytes}")
        await asyncio.to_thread(self._append, chunk)

    async def finish(self) -> None:
        """Checks that everything announced has come, and makes it durable.

        Raises:
            InvalidArgument: ARTIFACT_EMPTY, SIZE_MISMATCH or DIGEST_MISMATCH.
            ResourceExhausted: DISK_FULL.
        """
        if self._received == 0:
            raise pushes.artifact_empty()
        if self._received != self._size_bytes:
            raise self._size_mismatch(str(self._received))
        received = self._sha256.hexdigest()
        if received != self._digest:
            raise InvalidArgument(
                "DIGEST_MISMATCH",
                f"the bytes received have digest {received}, not {self._digest}",
                received=received,
                announced=self._digest,
            )
        await asyncio.to_thread(self._sync)

    def _append(self, chunk: bytes) -> None:
        try:
            self._file.write(chunk)
        except OSError as error:
            raise _disk_full(error) from error
        self._sha256.update(chunk)

    def _sync(self) -> None:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _disk_full(error) from error

    def _size_mismatch(self, received: str) -> InvalidArgument:
        return InvalidArgument(
            "SIZE_MISMATCH",
            f"{received} bytes received, {self._size_bytes} announced",
            received_bytes=self._received,
            announced_bytes=self._size_bytes,
        )


class ArtifactFolder:
    """Content-addressed artifacts: `<folder>/<first two digits>/<digest>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"

    async def open(self) -> None:
        """Makes the folder, and removes what killed uploads left in it.

        Raises:
            FailedPrecondition: ARTIFACT_DIR_NOT_WRITABLE.
        """
        await asyncio.to_thread(self._open)

    @asynccontextmanager
    async def upload(self, *, digest: str, size_bytes: int) -> AsyncIterator[Upload]:
        """Room for an artifact; gone when left, unless it was kept.

        Args:
            digest: SHA-256 that the bytes must have.
            size_bytes: how many there must be.
        """
        file, path = await asyncio.to_thread(self._create)
        try:
            yield Upload(file, path, digest=digest, size_bytes=size_bytes)
        finally:
            # Not in a thread: this runs when the call is cancelled, too.
            path.unlink(missing_ok=True)
            with suppress(OSError):  # what is buffered and does not fit is not wanted any more
                file.close()

    async def keep(self, upload: Upload, digest: str) -> None:
        """Makes a finished upload visible; the same artifact may be there already."""
        await asyncio.to_thread(self._keep, upload.path, self._path(digest))

    async def size(self, digest: str) -> int:
        """Size of an artifact in bytes.

        Raises:
            NotFound: ARTIFACT_NOT_FOUND.
        """
        try:
            return (await asyncio.to_thread(self._path(digest).stat)).st_size
        except FileNotFoundError as error:
            raise NotFound(
                "ARTIFACT_NOT_FOUND", f"there is no artifact {digest}", digest=digest
            ) from error

    async def read(self, digest: str, offset: int) -> AsyncIterator[bytes]:
        """Pieces of an artifact, from a byte on.

        Raises:
            NotFound: ARTIFACT_NOT_FOUND.
            OutOfRange: OFFSET_PAST_END, if `offset` is not in 0 to its size.
        """
        size_bytes = await self.size(digest)
        if not 0 <= offset <= size_bytes:
            raise OutOfRange(
                "OFFSET_PAST_END",
                f"offset {offset} is not in 0 to {size_bytes}, the size of {digest}",
                offset=offset,
                size_bytes=size_bytes,
                digest=digest,
            )
        file = await asyncio.to_thread(self._path(digest).open, "rb")
        try:
            file.seek(offset)
            while piece := await asyncio.to_thread(file.read, READ_BYTES):
                yield piece
        finally:
            file.close()

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _open(self) -> None:
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            for path in self._incoming.iterdir():
                _remove_unless_locked(path)
            tempfile.TemporaryFile(dir=self._incoming).close()
        except OSError as error:
            raise FailedPrecondition(
                "ARTIFACT_DIR_NOT_WRITABLE",
                f"cannot write artifacts to {self._folder}: {error.strerror}",
                artifact_dir=self._folder,
            ) from error

    def _create(self) -> tuple[BinaryIO, Path]:
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return os.fdopen(descriptor, "wb"), Path(name)

    def _keep(self, staged: Path, target: Path) -> None:
        if target.exists():
            return
        target.parent.mkdir(exist_ok=True)
        staged.replace(target)
        for folder in (target.parent, self._folder):
            _sync_folder(folder)


def _remove_unless_locked(path: Path) -> None:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_full(error: OSError) -> ResourceExhausted:
    return ResourceExhausted(
        "DISK_FULL", f"the artifact cannot be stored: {error.strerror}", error=error.strerror
    )
