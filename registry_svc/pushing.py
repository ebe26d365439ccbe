"""Makes versions: of what comes in one call, or of what is kept already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from algolink import manifest as manifests
from algolink.errors import AlgoLinkError, InvalidArgument, NotFound
from algolink.manifest import Manifest
from algolink.registry.v1 import registry_pb2 as pb
from registry_svc import convert
from registry_svc.artifacts import Artifacts
from registry_svc.domain import models, pushes
from registry_svc.domain.audit import Actor
from registry_svc.domain.pushes import Push, PushHeader
from registry_svc.domain.versions import Signature, Version
from registry_svc.inspection import Inspector
from registry_svc.recording import Recorder
from registry_svc.staging import Staging
from registry_svc.store import Reader, Store

_DISCARD_S = 2.0
_LOOKS_AT_ONCE = 32


class Pusher:
    """Makes versions of artifacts.

    Args:
        max_bytes: a larger artifact is refused.
    """

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        staging: Staging,
        inspector: Inspector,
        *,
        max_bytes: int,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._staging = staging
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

    async def create(self, header: PushHeader, *, by: Actor) -> Version:
        """Makes the next version of an artifact that is kept, or finds the one it made.

        Args:
            by: who asks for it.
        """
        async with self._store.reading() as reader:
            known = await _known(reader, header)
        if known is not None:
            return known
        await self._check_kept(header.digest, header.size_bytes)
        manifest = await self._manifest(header)
        pushes.check_size(
            manifest.size_bytes if manifest else header.size_bytes, limit_bytes=self._max_bytes
        )
        async with self._staging.room() as room:
            signature = await self._inspector.inspect(await self._placed(header, manifest, room))
        return await self._save(header, manifest, signature, "CreateVersion", by)

    async def _push(self, requests: AsyncIterator[pb.PushVersionRequest], by: Actor) -> Version:
        header = await _header(requests)
        pushes.check_size(header.size_bytes, limit_bytes=self._max_bytes)
        async with self._store.reading() as reader:
            known = await _known(reader, header)
        if known is not None:
            return known
        async with self._staging.arrival(
            digest=header.digest, size_bytes=header.size_bytes
        ) as arrival:
            async for request in requests:
                if request.WhichOneof("part") == "header":
                    raise InvalidArgument("HEADER_REPEATED", "an upload has one header")
                pushes.check_chunk(request.chunk)
                await arrival.append(request.chunk)
            if arrival.received == 0:
                raise pushes.artifact_empty()
            await arrival.finish()
            signature = await self._inspector.inspect(arrival.path)
            # Before the transaction: a large one takes a while, and others wait to write.
            await self._artifacts.keep(arrival.path, header.digest)
        return await self._save(header, None, signature, "PushVersion", by)

    async def _save(
        self,
        header: PushHeader,
        manifest: Manifest | None,
        signature: Signature,
        action: str,
        by: Actor,
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
                folder_files=len(manifest.files) if manifest else 0,
                folder_bytes=manifest.size_bytes if manifest else 0,
            )
            pushed = models.with_next_version(model, aliases=header.aliases, at=at)
            recorder = Recorder(writer, by, action, at)
            await recorder.save_model(model, pushed)
            await recorder.add_version(version)
            if manifest is not None:
                await writer.add_files(header.digest, manifest)
            await writer.add_push(
                Push(request_id=header.request_id, version=version.name, digest=header.digest)
            )
            # Nothing is removed while this transaction writes: what is kept now stays.
            await self._check_kept(header.digest, header.size_bytes)
            await self._check_files_kept(manifest)
        return version

    async def _manifest(self, header: PushHeader) -> Manifest | None:
        """The manifest of a folder; None if the artifact is one file."""
        if header.size_bytes > manifests.MAX_BYTES:
            return None
        content = b"".join([piece async for piece in self._artifacts.read(header.digest)])
        if not manifests.is_manifest(content):
            return None
        manifest = Manifest.parse(content)
        await self._check_files_kept(manifest)
        return manifest

    async def _placed(self, header: PushHeader, manifest: Manifest | None, room: Path) -> Path:
        """The file that an engine opens, with all that belongs to it."""
        if manifest is None:
            await self._artifacts.place(header.digest, room / "model.onnx")
            return room / "model.onnx"
        for file in manifest.files:
            path = room / file.path
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            await self._artifacts.place(file.digest, path)
        return room / manifest.onnx_path

    async def _check_files_kept(self, manifest: Manifest | None) -> None:
        sizes = {file.digest: file.size_bytes for file in manifest.files} if manifest else {}
        # Together, for a bucket takes its time and others wait to write.
        for part in _parts(list(sizes.items())):
            await asyncio.gather(*(self._check_kept(*each) for each in part))

    async def _check_kept(self, digest: str, size_bytes: int) -> None:
        try:
            kept_bytes = (await self._artifacts.find(digest)).size_bytes
        except NotFound as error:
            raise pushes.artifact_missing(digest) from error
        if kept_bytes != size_bytes:
            raise InvalidArgument(
                "SIZE_MISMATCH",
                f"artifact {digest} has {kept_bytes} bytes, {size_bytes} announced",
                kept_bytes=kept_bytes,
                announced_bytes=size_bytes,
            )


def _parts(items: Sequence[tuple[str, int]]) -> Iterator[Sequence[tuple[str, int]]]:
    return (items[n : n + _LOOKS_AT_ONCE] for n in range(0, len(items), _LOOKS_AT_ONCE))


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
