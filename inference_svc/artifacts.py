"""Artifacts on disk, by digest: fetched once, verified whenever they are used, bounded."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from algolink.errors import DataLoss

_log = logging.getLogger(__name__)

_PARTIAL: Final = ".partial"


class Source(Protocol):
    """Where artifacts come from."""

    def download(self, digest: str) -> AsyncIterator[bytes]:
        """The artifact's bytes in order.

        Raises:
            AlgoLinkError: as its owner answers.
        """
        ...


class ArtifactCache:
    """A folder of artifacts, each in a file named by its SHA-256.

    A file gets its name only when it is complete and verified, so whatever has
    a name is an artifact, even after a crash. One process at a time uses a folder.
    """

    def __init__(self, folder: Path, source: Source, max_bytes: int | None = None) -> None:
        """Keeps artifacts in `folder`.

        Args:
            max_bytes: what `trim` leaves at most; None for no bound.
        """
        self._folder = folder
        self._source = source
        self._max_bytes = max_bytes
        self._kept_bytes: int | None = None
        self._trimming = asyncio.Lock()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def open(self) -> None:
        """Makes the folder if there is none, and removes what a crash left half done.

        Raises:
            OSError: if the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for partial in self._folder.glob(f"*{_PARTIAL}"):
            partial.unlink()

    async def get(self, digest: str, size_bytes: int) -> Path:
        """A file that holds the artifact, verified just now.

        Raises:
            DataLoss: DIGEST_MISMATCH or SIZE_MISMATCH, if what was sent is not it.
            AlgoLinkError: as the source answers.
            OSError: if it cannot be stored.
        """
        path = self._folder / digest
        async with self._locks[digest]:
            if not await asyncio.to_thread(_is_intact, path, digest):
                await self._fetch(path, digest, size_bytes)
        return path

    async def trim(self, is_kept: Callable[[str], bool]) -> None:
        """Removes the artifacts that were used longest ago until the rest is within the bound.

        Args:
            is_kept: whether the artifact of a digest must stay, even if that
                breaks the bound.

        Raises:
            OSError: if the folder cannot be read, or a file not removed.
        """
        if self._max_bytes is None:
            return
        async with self._trimming:
            # Listing the folder after each of a thousand loads would be a million stats.
            if self._kept_bytes is None or self._kept_bytes > self._max_bytes:
                self._kept_bytes = await self._trim_to(self._max_bytes, is_kept)

    async def _trim_to(self, max_bytes: int, is_kept: Callable[[str], bool]) -> int:
        """Removes files as `trim` says; returns the size of what is left, in bytes."""
        files = await asyncio.to_thread(_by_last_use, self._folder)
        left_bytes = sum(size for _, size in files)
        for path, size in files:
            if left_bytes <= max_bytes:
                break
            # Asked under the lock: nobody is about to be given a kept one meanwhile.
            async with self._locks[path.name]:
                if is_kept(path.name):
                    continue
                await asyncio.to_thread(path.unlink, missing_ok=True)
            left_bytes -= size
            _log.info("artifact removed", extra={"digest": path.name, "size_bytes": size})
        return left_bytes

    async def _fetch(self, path: Path, digest: str, size_bytes: int) -> None:
        partial = path.with_suffix(_PARTIAL)
        try:
            with await asyncio.to_thread(partial.open, "wb") as file:
                await self._receive(file, digest, size_bytes)
                await asyncio.to_thread(_sync, file)
            await asyncio.to_thread(partial.replace, path)
            if self._kept_bytes is not None:
                self._kept_bytes += size_bytes
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)
        _log.info("artifact fetched", extra={"digest": digest, "size_bytes": size_bytes})

    async def _receive(self, file: BinaryIO, digest: str, size_bytes: int) -> None:
        hasher, received = hashlib.sha256(), 0
        async for chunk in self._source.download(digest):
            received += len(chunk)
            if received > size_bytes:
                break
            await asyncio.to_thread(_append, file, hasher, chunk)
        if received != size_bytes:
            raise DataLoss(
                "SIZE_MISMATCH",
                f"artifact {digest} has {size_bytes} bytes, but {received} came",
                digest=digest,
                expected=size_bytes,
                actual=received,
            )
        if hasher.hexdigest() != digest:
            raise DataLoss(
                "DIGEST_MISMATCH",
                f"what came as artifact {digest} has digest {hasher.hexdigest()}",
                expected=digest,
                actual=hasher.hexdigest(),
            )


def _is_intact(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return False
    if actual != digest:
        _log.warning("cached artifact is damaged", extra={"digest": digest, "actual": actual})
        return False
    os.utime(path)  # the time of its last use, which outlives this process
    return True


def _by_last_use(folder: Path) -> list[tuple[Path, int]]:
    """All artifacts with their sizes in bytes, the one that was used longest ago first."""
    files = [(path, path.stat()) for path in folder.iterdir() if path.suffix != _PARTIAL]
    files.sort(key=lambda file: file[1].st_mtime_ns)
    return [(path, status.st_size) for path, status in files]


def _append(file: BinaryIO, hasher: hashlib._Hash, chunk: bytes) -> None:
    hasher.update(chunk)
    file.write(chunk)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
