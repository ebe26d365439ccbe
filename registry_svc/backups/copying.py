"""Artifacts from one place to another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from algolink.errors import NotFound
from registry_svc.artifacts import Artifacts


async def copy(source: Artifacts, target: Artifacts, sizes: Mapping[str, int], room: Path) -> int:
    """Copies what `target` lacks, verified; returns the bytes that were copied.

    Args:
        sizes: what to copy, in bytes, by digest.
        room: an existing folder on the disk of `target`, if that is one.

    Raises:
        NotFound: ARTIFACT_NOT_FOUND, if `source` lacks one.
        DataLoss: ARTIFACT_DAMAGED.
    """
    copied_bytes = 0
    staged = room / "arriving"
    for digest, size_bytes in sorted(sizes.items()):
        if await _has(target, digest, size_bytes):
            continue
        with await asyncio.to_thread(staged.open, "wb") as file:
            async for piece in source.read(digest):
                await asyncio.to_thread(file.write, piece)
        await target.keep(staged, digest)
        copied_bytes += size_bytes
    staged.unlink(missing_ok=True)
    return copied_bytes


async def _has(target: Artifacts, digest: str, size_bytes: int) -> bool:
    try:
        return (await target.find(digest)).size_bytes == size_bytes
    except NotFound:
        return False
