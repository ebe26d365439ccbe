"""One artifact from its source into a file, however often the stream breaks."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Protocol

from algolink.errors import DataLoss, DeadlineExceeded, Unavailable

_log = logging.getLogger(__name__)

_HASHED_BYTES = 1024 * 1024


class Source(Protocol):
    """Where artifacts come from."""

    def download(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        """The artifact's bytes in order, from `offset` on.

        Raises:
            AlgoLinkError: as its owner answers.
        """
        ...


async def fetch(source: Source, path: Path, digest: str, size_bytes: int) -> None:
    """Makes `path` hold an artifact, verified and durable.

    What an earlier call left there is the beginning, unless it proves wrong. A
    stream that breaks is taken up where it broke as long as each one brings more.

    Raises:
        DataLoss: DIGEST_MISMATCH or SIZE_MISMATCH, if what was sent is not it;
            then there is no file.
        AlgoLinkError: as the source answers.
        OSError: if it cannot be stored.
    """
    with await asyncio.to_thread(path.open, "a+b") as file:
        hasher = await asyncio.to_thread(_hash_of, file)
        try:
            await _receive(source, file, hasher, digest, size_bytes)
            _check(file.tell(), hasher, digest, size_bytes)
            await asyncio.to_thread(_sync, file)
        except DataLoss:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise


async def _receive(
    source: Source, file: BinaryIO, hasher: hashlib._Hash, digest: str, size_bytes: int
) -> None:
    while True:
        begun_at = file.tell()
        try:
            async for chunk in source.download(digest, begun_at):
                await asyncio.to_thread(_append, file, hasher, chunk)
                if file.tell() > size_bytes:
                    return
        except (Unavailable, DeadlineExceeded) as error:
            if file.tell() == begun_at:
                raise
            _log.warning(
                "download broke, goes on",
                extra={"digest": digest, "offset": file.tell(), "error": str(error)},
            )
        else:
            return


def _check(received: int, hasher: hashlib._Hash, digest: str, size_bytes: int) -> None:
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


def _hash_of(file: BinaryIO) -> hashlib._Hash:
    """Hash of what is in `file`, which is left at its end."""
    hasher = hashlib.sha256()
    file.seek(0)
    while piece := file.read(_HASHED_BYTES):
        hasher.update(piece)
    return hasher


def _append(file: BinaryIO, hasher: hashlib._Hash, chunk: bytes) -> None:
    hasher.update(chunk)
    file.write(chunk)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
