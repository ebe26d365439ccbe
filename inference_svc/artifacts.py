"""Artifacts on disk, by digest: fetched once, verified whenever they are used, bounded."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from algolink import manifest as manifests
from algolink.manifest import Manifest
from inference_svc import fetching
from inference_svc.fetching import Source

_log = logging.getLogger(__name__)

_PARTIAL: Final = ".partial"
_FOLDER: Final = ".files"


class Artifacts(Protocol):
    """Where a host gets the files of versions."""

    async def get(self, digest: str, size_bytes: int) -> Path:
        """A file that an engine can load, verified just now, with all that it needs.

        Raises:
            AlgoLinkError: if it is not to be had.
            OSError: if it cannot be read or stored.
        """
        ...

    async def trim(self, is_kept: Callable[[str], bool]) -> None:
        """Lets go of what is too much; `is_kept` says what must stay."""
        ...


class ArtifactCache:
    """A folder of artifacts, each in a file named by its SHA-256.

    A file gets its name only when it is complete and verified, so whatever has
    a name is an artifact, even after a crash. What a manifest lists lies in a
    folder beside it. One process at a time uses a folder.
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
        """A file that an engine can load, verified just now, with all that it needs.

        Raises:
            DataLoss: DIGEST_MISMATCH or SIZE_MISMATCH, if what was sent is not it.
            AlgoLinkError: as the source answers, or as `Manifest` says.
            OSError: if it cannot be stored.
        """
        path = self._folder / digest
        async with self._locks[digest]:
            await self._bring(path, digest, size_bytes)
            content = await asyncio.to_thread(_manifest_in, path, size_bytes)
            if content is None:
                return path
            return await self._bring_folder(Manifest.parse(content), _files_of(path))

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
                await asyncio.to_thread(_remove, path)
            left_bytes -= size
            _log.info("artifact removed", extra={"digest": path.name, "size_bytes": size})
        return left_bytes

    async def _bring_folder(self, manifest: Manifest, folder: Path) -> Path:
        model = folder / manifest.onnx_path
        for file in manifest.files:
            path = folder / file.path
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            # Another folder may be getting the same file just now.
            async with self._locks[f"{file.digest}{_PARTIAL}"]:
                await self._bring(path, file.digest, file.size_bytes)
        return model

    async def _bring(self, path: Path, digest: str, size_bytes: int) -> None:
        if await asyncio.to_thread(_is_intact, path, digest):
            return
        # What has come so far stays when this fails: the next try goes on after it.
        partial = self._folder / f"{digest}{_PARTIAL}"
        await fetching.fetch(self._source, partial, digest, size_bytes)
        await asyncio.to_thread(partial.replace, path)
        if self._kept_bytes is not None:
            self._kept_bytes += size_bytes
        _log.info("artifact fetched", extra={"digest": digest, "size_bytes": size_bytes})


def _manifest_in(path: Path, size_bytes: int) -> bytes | None:
    """The manifest in a file; None if it holds something else."""
    if size_bytes > manifests.MAX_BYTES:
        return None
    content = path.read_bytes()
    return content if manifests.is_manifest(content) else None


def _is_intact(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return False
    if actual != digest:
        _log.warning("cached artifact is damaged", extra={"digest": digest, "actual": actual})
        return False
    # The time of its last use, which outlives this process. That of its last change
    # stays: others may have linked it, to whom a change means to load it again.
    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    return True


def _by_last_use(folder: Path) -> list[tuple[Path, int]]:
    """All artifacts with their sizes in bytes, the one that was used longest ago first."""
    files = [(path, path.stat()) for path in folder.iterdir() if not path.suffix]
    files.sort(key=lambda file: file[1].st_atime_ns)
    return [(path, status.st_size + _folder_bytes(path)) for path, status in files]


def _folder_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in _files_of(path).rglob("*") if file.is_file())


def _files_of(path: Path) -> Path:
    """Where the files of a folder lie whose manifest is at `path`."""
    return path.with_suffix(_FOLDER)


def _remove(path: Path) -> None:
    # The manifest last: without it nothing would tell what the folder is.
    shutil.rmtree(_files_of(path), ignore_errors=True)
    path.unlink(missing_ok=True)
