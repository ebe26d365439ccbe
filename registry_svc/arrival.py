"""A file that arrives in pieces, in order, some of them perhaps twice."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

from algolink.errors import InvalidArgument, OutOfRange
from registry_svc import artifacts, hashing


class Arrival:
    """An artifact while it arrives in the file at `path`, which exists.

    Attributes:
        digest: SHA-256 that its bytes must have.
        size_bytes: how many there must be.
        received: how many are there.
    """

    def __init__(self, path: Path, *, digest: str, size_bytes: int) -> None:
        self.path = path
        self.digest = digest
        self.size_bytes = size_bytes
        self.received = path.stat().st_size
        self.lock = asyncio.Lock()
        self._sha256 = hashlib.sha256()
        self._hashed = 0

    async def append(self, chunk: bytes) -> None:
        """Adds what comes next; see `write`."""
        await self.write(self.received, chunk)

    async def write(self, offset: int, chunk: bytes) -> None:
        """Adds bytes that begin at `offset`; those that are there already must be the same.

        Raises:
            OutOfRange: OFFSET_PAST_END, if bytes before them are missing.
            InvalidArgument: SIZE_MISMATCH, if there are more than announced;
                CHUNK_CONFLICT, if other bytes came at that place before.
            ResourceExhausted: DISK_FULL.
        """
        async with self.lock:
            if not 0 <= offset <= self.received:
                raise OutOfRange(
                    "OFFSET_PAST_END",
                    f"the next byte is {self.received}, not {offset}",
                    offset=offset,
                    committed_bytes=self.received,
                )
            if offset + len(chunk) > self.size_bytes:
                raise self._size_mismatch(f"more than {self.size_bytes}")
            try:
                await asyncio.to_thread(self._write, offset, chunk)
            except OSError as error:
                raise artifacts.disk_full(error) from error

    async def finish(self) -> None:
        """Checks that everything announced has come, and makes it durable.

        Raises:
            InvalidArgument: SIZE_MISMATCH or DIGEST_MISMATCH.
            ResourceExhausted: DISK_FULL.
        """
        if self.received != self.size_bytes:
            raise self._size_mismatch(str(self.received))
        try:
            found = await asyncio.to_thread(self._sync_and_hash)
        except OSError as error:
            raise artifacts.disk_full(error) from error
        if found != self.digest:
            raise InvalidArgument(
                "DIGEST_MISMATCH",
                f"the bytes received have digest {found}, not {self.digest}",
                received=found,
                announced=self.digest,
            )

    def _write(self, offset: int, chunk: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(offset)
            known = self.received - offset
            if known and file.read(min(known, len(chunk))) != chunk[:known]:
                raise InvalidArgument(
                    "CHUNK_CONFLICT",
                    f"other bytes came at offset {offset} before",
                    offset=offset,
                )
            fresh = memoryview(chunk)[known:]
            if not fresh:
                return
            file.seek(self.received)
            file.write(fresh)
        if self._hashed == self.received:
            self._sha256.update(fresh)
            self._hashed += len(fresh)
        self.received += len(fresh)

    def _sync_and_hash(self) -> str:
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        # Bytes of before a restart were not seen by this object.
        if self._hashed != self.received:
            return hashing.of_file(self.path)
        return self._sha256.hexdigest()

    def _size_mismatch(self, received: str) -> InvalidArgument:
        return InvalidArgument(
            "SIZE_MISMATCH",
            f"{received} bytes received, {self.size_bytes} announced",
            received_bytes=self.received,
            announced_bytes=self.size_bytes,
        )
