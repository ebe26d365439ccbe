"""Digests of bytes on their way, computed beside the event loop."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from registry_svc import artifacts


async def verified(pieces: AsyncIterator[bytes], digest: str) -> AsyncIterator[bytes]:
    """Passes a whole artifact on, but its last piece only if the digest is right.

    Raises:
        DataLoss: ARTIFACT_DAMAGED.
    """
    sha256 = hashlib.sha256()
    held: bytes | None = None
    async for piece in pieces:
        if held is not None:
            yield held
        sha256.update(piece)
        held = piece
    found = sha256.hexdigest()
    if found != digest:
        raise artifacts.damaged(digest, found)
    if held is not None:
        yield held


def of_file(path: Path) -> str:
    """SHA-256 of a file, in hex.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
