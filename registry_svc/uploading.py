"""Uploads that can be stopped and taken up again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from algolink import names
from algolink.errors import InvalidArgument, NotFound
from algolink.registry.v1 import artifacts_pb2 as pb
from registry_svc.arrival import Arrival
from registry_svc.artifacts import Artifacts
from registry_svc.domain import pushes
from registry_svc.staging import Staging

_UPLOAD_ID: Final = re.compile("[a-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload has come.

    Attributes:
        committed_bytes: what need not be sent again.
        complete: whether the artifact is kept.
    """

    upload: str
    digest: str
    size_bytes: int
    committed_bytes: int
    complete: bool


class Uploader:
    """Takes uploads in pieces and keeps what is whole.

    Args:
        max_bytes: a larger artifact is refused.
    """

    def __init__(self, artifacts: Artifacts, staging: Staging, *, max_bytes: int) -> None:
        self._artifacts = artifacts
        self._staging = staging
        self._max_bytes = max_bytes

    async def begin(self, upload: str, *, digest: str, size_bytes: int) -> Progress:
        """Begins an upload, or tells how far it has come.

        Raises:
            InvalidArgument: UPLOAD_ID_INVALID, DIGEST_MALFORMED or SIZE_MISMATCH.
            ResourceExhausted: ARTIFACT_TOO_LARGE or DISK_FULL.
            AlreadyExists: UPLOAD_ID_REUSED.
        """
        _check_upload(upload)
        names.check_digest(digest)
        pushes.check_size(size_bytes, limit_bytes=self._max_bytes)
        if size_bytes < 0:
            raise InvalidArgument(
                "SIZE_MISMATCH", f"no artifact has {size_bytes} bytes", size_bytes=size_bytes
            )
        try:
            kept_bytes = (await self._artifacts.find(digest)).size_bytes
        except NotFound:
            arrival = await self._staging.begin(upload, digest=digest, size_bytes=size_bytes)
            return _progress(upload, arrival)
        if kept_bytes != size_bytes:
            raise InvalidArgument(
                "SIZE_MISMATCH",
                f"artifact {digest} has {kept_bytes} bytes, {size_bytes} announced",
                kept_bytes=kept_bytes,
                announced_bytes=size_bytes,
            )
        await self._staging.drop(upload)
        return Progress(upload, digest, size_bytes, size_bytes, complete=True)

    async def write(self, requests: AsyncIterator[pb.WriteUploadRequest]) -> Progress:
        """Takes the chunks of one stream, and keeps the artifact once it is whole.

        Raises:
            NotFound: UPLOAD_NOT_FOUND.
            InvalidArgument: UPLOAD_ID_INVALID, CHUNK_TOO_LARGE, or as `Arrival` says.
            OutOfRange: OFFSET_PAST_END.
            ResourceExhausted: DISK_FULL.
        """
        upload, arrival = "", None
        async for request in requests:
            if arrival is None:
                upload = request.upload
                arrival = await self._staging.find(_check_upload(upload))
            elif request.upload not in ("", upload):
                raise InvalidArgument(
                    "UPLOAD_ID_INVALID",
                    f"this stream is of upload {upload}",
                    upload=names.shown(request.upload),
                )
            pushes.check_chunk(request.chunk)
            await arrival.write(request.offset, request.chunk)
        if arrival is None:
            raise InvalidArgument("UPLOAD_ID_INVALID", "the stream names no upload", upload="")
        if arrival.received < arrival.size_bytes:
            return _progress(upload, arrival)
        return await self._complete(upload, arrival)

    async def _complete(self, upload: str, arrival: Arrival) -> Progress:
        async with arrival.lock:
            if arrival.path.exists():  # or else another stream of this upload was faster
                try:
                    await arrival.finish()
                except InvalidArgument:
                    await self._staging.drop(upload)
                    raise
                await self._artifacts.keep(arrival.path, arrival.digest)
                await self._staging.drop(upload)
        size_bytes = arrival.size_bytes
        return Progress(upload, arrival.digest, size_bytes, size_bytes, complete=True)


def _progress(upload: str, arrival: Arrival) -> Progress:
    return Progress(upload, arrival.digest, arrival.size_bytes, arrival.received, complete=False)


def _check_upload(upload: str) -> str:
    if _UPLOAD_ID.fullmatch(upload) is None:
        raise InvalidArgument(
            "UPLOAD_ID_INVALID",
            f"{names.shown(upload)} is not an upload's id: it must be 1 to 64 of a-z, 0-9 and '-'",
            upload=names.shown(upload),
        )
    return upload
