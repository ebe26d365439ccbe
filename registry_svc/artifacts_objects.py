"""Artifacts in a bucket of S3, GCS or Azure: `<prefix>/<first two digits>/<digest>`.

An object appears whole or not at all, however many parts it was sent in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore, from_url

from algolink import names
from algolink.errors import FailedPrecondition, InvalidArgument, Unavailable
from registry_svc import artifacts, hashing
from registry_svc.artifacts import READ_BYTES, Kept

_PART_BYTES = 8 * 1024 * 1024
_PARTS_AT_ONCE = 2
_REFUSALS = (PermissionDeniedError, UnauthenticatedError)


def store_of(url: str, *, endpoint: str = "", timeout_s: float = 30.0) -> ObjectStore:
    """The bucket of a URL; credentials come from the cloud's own variables or instance.

    Args:
        url: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
        endpoint: `http(s)://host:port` of an S3 that is not Amazon's; empty for theirs.
        timeout_s: how long one request may take, its connection included.

    Raises:
        InvalidArgument: ARTIFACT_URL_INVALID.
    """
    if url.split("://")[0] not in ("s3", "gs", "az"):
        raise _url_invalid(url, "it must begin with s3://, gs:// or az://")
    options: dict[str, Any] = {
        "client_options": {
            "timeout": f"{timeout_s:g}s",
            "connect_timeout": f"{min(timeout_s, 5.0):g}s",
            "allow_http": endpoint.startswith("http://"),
        },
        "retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=timeout_s)},
    }
    if endpoint:
        options |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
    try:
        return from_url(url, **options)
    except (BaseError, ValueError, TypeError) as error:
        raise _url_invalid(url, _plain(error)) from error


class ArtifactObjects:
    """An `Artifacts` in an object store.

    Args:
        store: rooted at the prefix of the artifacts.
        stall_s: how long a read may wait for its next bytes.
    """

    def __init__(self, store: ObjectStore, *, stall_s: float = 30.0) -> None:
        self._store = store
        self._stall_s = stall_s

    async def open(self) -> None:
        async for _ in self.kept():
            break

    async def keep(self, path: Path, digest: str) -> None:
        with _told(digest):
            await obstore.put_async(
                self._store,
                _key(digest),
                path,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

    async def find(self, digest: str) -> Kept:
        with _told(digest):
            found = await obstore.head_async(self._store, _key(digest))
        return Kept(digest, found["size"], found["last_modified"])

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
        with await asyncio.to_thread(path.open, "wb") as file:
            async for piece in self.read(digest):
                try:
                    await asyncio.to_thread(file.write, piece)
                except OSError as error:
                    raise artifacts.disk_full(error) from error

    async def remove(self, digest: str) -> None:
        with _told(digest):
            try:
                await obstore.delete_async(self._store, _key(digest))
            except (FileNotFoundError, NotFoundError):
                return

    async def kept(self) -> AsyncIterator[Kept]:
        pages = aiter(obstore.list(self._store))
        while True:
            with _told():
                try:
                    page = await anext(pages)
                except StopAsyncIteration:
                    return
            for found in page:
                digest = found["path"].rpartition("/")[2]
                try:
                    names.check_digest(digest)
                except InvalidArgument:
                    continue  # somebody else's object
                yield Kept(digest, found["size"], found["last_modified"])

    async def _pieces(self, digest: str, offset: int, wanted: int) -> AsyncIterator[bytes]:
        if not wanted:
            return
        with _told(digest):
            found = await obstore.get_async(
                self._store, _key(digest), options={"range": (offset, offset + wanted)}
            )
            pieces = aiter(found.stream(READ_BYTES))
        while True:
            with _told(digest):
                try:
                    async with asyncio.timeout(self._stall_s):
                        piece = bytes(await anext(pieces))
                except StopAsyncIteration:
                    return
            # What comes from the network comes in any size, and a message has a bound.
            for start in range(0, len(piece), READ_BYTES):
                yield piece[start : start + READ_BYTES]


def _key(digest: str) -> str:
    return f"{digest[:2]}/{digest}"


@contextmanager
def _told(digest: str = "") -> Iterator[None]:
    """Tells what went wrong in the store as what the caller can do about it."""
    try:
        yield
    except (FileNotFoundError, NotFoundError) as error:
        if not digest:
            raise _refused(error) from error
        raise artifacts.not_found(digest) from error
    except _REFUSALS as error:
        raise _refused(error) from error
    except (BaseError, OSError, TimeoutError) as error:
        if "NoSuchBucket" in str(error):
            raise _refused(error) from error
        why = _plain(error) or "it stalled"
        raise Unavailable(
            "ARTIFACT_STORE_UNAVAILABLE", f"the object store does not answer: {why}", error=why
        ) from error


def _refused(error: Exception) -> FailedPrecondition:
    why = _plain(error)
    return FailedPrecondition(
        "ARTIFACT_STORE_REFUSED",
        f"the object store refuses: {why}: look at its bucket, credentials and permissions",
        error=why,
    )


def _url_invalid(url: str, why: str) -> InvalidArgument:
    return InvalidArgument(
        "ARTIFACT_URL_INVALID", f"{names.shown(url)} is no place for artifacts: {why}", why=why
    )


def _plain(error: Exception) -> str:
    """What the store said, on one line, without the insides of its client."""
    return " ".join(str(error).partition("Debug source")[0].split())[:400]
