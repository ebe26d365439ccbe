"""The rpcs of uploads in pieces."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from algolink.registry.v1 import artifacts_pb2 as pb
from algolink.registry.v1 import artifacts_pb2_grpc, registry_pb2
from chassis import watch
from registry_svc import actors, convert
from registry_svc.pushing import Pusher
from registry_svc.servicer import Context, log_push
from registry_svc.uploading import Progress, Uploader

_log = logging.getLogger(__name__)


class ArtifactServicer(artifacts_pb2_grpc.ArtifactServiceServicer):
    """Parses, decides and replies.

    Args:
        changes: notified after each write.
    """

    def __init__(self, uploader: Uploader, pusher: Pusher, *, changes: watch.Notifier) -> None:
        self._uploader = uploader
        self._pusher = pusher
        self._changes = changes

    async def BeginUpload(self, request: pb.BeginUploadRequest, context: Context) -> pb.Upload:
        progress = await self._uploader.begin(
            request.upload, digest=request.digest, size_bytes=request.size_bytes
        )
        return _upload(progress)

    async def WriteUpload(
        self, request_iterator: AsyncIterator[pb.WriteUploadRequest], context: Context
    ) -> pb.Upload:
        progress = await self._uploader.write(aiter(request_iterator))
        if progress.complete:
            _log.info(
                "artifact kept",
                extra={"digest": progress.digest, "size_bytes": progress.size_bytes},
            )
        return _upload(progress)

    async def CreateVersion(
        self, request: pb.CreateVersionRequest, context: Context
    ) -> registry_pb2.Version:
        header = convert.push_header(request.version)
        version = await self._pusher.create(header, by=actors.of(context))
        self._changes.notify()
        log_push(version)
        return convert.version_to_proto(version)


def _upload(progress: Progress) -> pb.Upload:
    return pb.Upload(
        upload=progress.upload,
        digest=progress.digest,
        size_bytes=progress.size_bytes,
        committed_bytes=progress.committed_bytes,
        complete=progress.complete,
    )
