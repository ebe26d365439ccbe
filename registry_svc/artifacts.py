"""Where artifacts are kept, each under the SHA-256 of its bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from algolink.errors import DataLoss, NotFound, OutOfRange, ResourceExhausted

READ_BYTES = 1024 * 1024
"""Size of a piece that is read."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An artifact that is kept.

    Attributes:
        time: when it was written last; UTC, by the clock of where it is kept.
    """

    digest: str
    size_bytes: int
    time: datetime


class Artifacts(Protocol):
    """A place for artifacts; what is in it is whole.

    Every method may raise Unavailable with reason ARTIFACT_STORE_UNAVAILABLE.
    """

    async def open(self) -> None:
        """Makes sure that it can be used.

        Raises:
            FailedPrecondition: ARTIFACT_DIR_NOT_WRITABLE or ARTIFACT_STORE_REFUSED.
        """

    async def keep(self, path: Path, digest: str) -> None:
        """Keeps the file at `path`, whose digest was verified; it may be moved away.

        Raises:
            ResourceExhausted: DISK_FULL.
        """

    async def find(self, digest: str) -> Kept:
        """What is kept under a digest.

        Raises:
            NotFound: ARTIFACT_NOT_FOUND.
        """

    def read(self, digest: str, offset: int = 0, limit: int | None = None) -> AsyncIterator[bytes]:
        """Pieces of an artifact, from byte `offset` on, at most `limit` bytes.

        Raises:
            NotFound: ARTIFACT_NOT_FOUND.
            OutOfRange: OFFSET_PAST_END, if `offset` is not in 0 to its size.
            DataLoss: ARTIFACT_DAMAGED, instead of the last piece of a whole
                artifact whose bytes have another digest.
        """

    async def place(self, digest: str, path: Path) -> None:
        """Makes a file that holds an artifact; it may share its bytes, so do not write it.

        Raises:
            NotFound: ARTIFACT_NOT_FOUND.
            DataLoss: ARTIFACT_DAMAGED.
        """

    async def remove(self, digest: str) -> None:
        """Removes an artifact; one that is not there is no error."""

    def kept(self) -> AsyncIterator[Kept]:
        """All artifacts, in no order."""


def not_found(digest: str) -> NotFound:
    """What a caller gets who names an artifact that is not kept."""
    return NotFound("ARTIFACT_NOT_FOUND", f"there is no artifact {digest}", digest=digest)


def check_offset(offset: int, size_bytes: int, digest: str) -> None:
    """Checks that a read can begin at `offset`.

    Raises:
        OutOfRange: OFFSET_PAST_END.
    """
    if not 0 <= offset <= size_bytes:
        raise OutOfRange(
            "OFFSET_PAST_END",
            f"offset {offset} is not in 0 to {size_bytes}, the size of {digest}",
            offset=offset,
            size_bytes=size_bytes,
            digest=digest,
        )


def damaged(digest: str, found: str) -> DataLoss:
    """What a caller gets when the bytes that are kept are not the artifact."""
    return DataLoss(
        "ARTIFACT_DAMAGED",
        f"what is kept as artifact {digest} has digest {found}",
        digest=digest,
        found=found,
    )


def disk_full(error: OSError) -> ResourceExhausted:
    """What a caller gets when bytes cannot be written."""
    return ResourceExhausted(
        "DISK_FULL", f"the artifact cannot be stored: {error.strerror}", error=error.strerror
    )
