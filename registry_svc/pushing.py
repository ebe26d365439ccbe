"""A push: receive, verify, inspect, save."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime

from algolink.errors import AlgoLinkError, InvalidArgument
from algolink.registry.v1 import registry_pb2 as pb
from registry_svc import convert
from registry_svc.artifacts import ArtifactFolder, Upload
from registry_svc.domain import models, pushes
from registry_svc.domain.audit import Actor
from registry_svc.domain.pushes import Push, PushHeader
from registry_svc.domain.versions import Signature, Version
from registry_svc.inspection import Inspector
from registry_svc.recording import Recorder
from registry_svc.store import Reader, Store

_DISCARD_S = 2.0


class Pusher:
    """Makes versions of uploads.

    Args:
        max_bytes: a larger artifact is refused.
    """

    def __init__(
        self,
        store: Store,
        artifacts: ArtifactFolder,
        inspector: Inspector,
        *,
        max_bytes: int,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._inspector = inspector
        self._max_bytes = max_bytes
        self._now = now

    async def push(self, requests: AsyncIterator[pb.PushVersionRequest], *, by: Actor) -> Version:
        """Makes the next version of what `requests` bring, or finds the one they made.

        Args:
            by: who pushes.
        """
        try:
            return await self._push(requests, by)
        except AlgoLinkError:
            await _discard(requests)
            raise

    async def _push(self, requests: AsyncIterator[pb.PushVersionRequest], by: Actor) -> Version:
        header = await _header(requests)
        pushes.check_size(header, limit_bytes=self._max_bytes)
        async with self._store.reading() as reader:
            known = await _known(reader, header)
        if known is not None:
            return known
        async with self._artifacts.upload(
            digest=header.digest, size_bytes=header.size_bytes
        ) as upload:
            async for request in requests:
                if request.WhichOneof("part") == "header":
                    raise InvalidArgument("HEADER_REPEATED", "an upload has one header")
                pushes.check_chunk(request.chunk)
                await upload.write(request.chunk)
            await upload.finish()
            signature = await self._inspector.inspect(upload.path)
            return await self._save(header, upload, signature, by)

    async def _save(
        self, header: PushHeader, upload: Upload, signature: Signature, by: Actor
    ) -> Version:
        at = self._now()
        async with self._store.writing() as writer:
            known = await _known(writer, header)  # a twin of this call may have been faster
            if known is not None:
                return known
            model = await writer.find_model(header.model) or models.new(header.model, at=at)
            version = Version(
                name=models.next_version_name(model),
                digest=header.digest,
                size_bytes=header.size_bytes,
                signature=signature,
                description=header.description,
                create_time=at,
                pusher=by.name,
                state_time=at,
                tags=header.tags,
                metrics=header.metrics,
            )
            pushed = models.with_next_version(model, aliases=header.aliases, at=at)
            recorder = Recorder(writer, by, "PushVersion", at)
            await recorder.save_model(model, pushed)
            await recorder.add_version(version)
            await writer.add_push(
                Push(request_id=header.request_id, version=version.name, digest=header.digest)
            )
            # Last, so that nothing is left behind when a write fails.
            await self._artifacts.keep(upload, header.digest)
        return version


async def _header(requests: AsyncIterator[pb.PushVersionRequest]) -> PushHeader:
    async for request in requests:
        if request.WhichOneof("part") == "header":
            return convert.push_header(request.header)
        break
    raise InvalidArgument("UPLOAD_WITHOUT_HEADER", "the first message must be the header")


async def _discard(requests: AsyncIterator[pb.PushVersionRequest]) -> None:
    """Reads on for a while after a refusal.

    A client of grpc.aio that is still sending when an error arrives reports
    "Internal error from Core" in its place.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_S):
            async for _ in requests:
                pass


async def _known(reader: Reader, header: PushHeader) -> Version | None:
    earlier = await reader.find_push(header.request_id)
    if earlier is None:
        return None
    return await reader.get_version(pushes.repeated(header, earlier))
