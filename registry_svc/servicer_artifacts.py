"""The rpcs of artifacts: uploads in pieces, and what is removed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from algolink.registry.v1 import artifacts_pb2 as pb
from algolink.registry.v1 import artifacts_pb2_grpc, registry_pb2
from chassis import watch
from registry_svc import actors, convert
from registry_svc.collecting import Collector
from registry_svc.domain import garbage
from registry_svc.domain.garbage import Collection
from registry_svc.pushing import Pusher
from registry_svc.servicer import Context, log_push
from registry_svc.uploading import Progress, Uploader

_log = logging.getLogger(__name__)


class ArtifactServicer(artifacts_pb2_grpc.ArtifactServiceServicer):
    """Parses, decides and replies.

    Args:
        changes: notified after each write.
    """

    def __init__(
        self,
        uploader: Uploader,
        pusher: Pusher,
        collector: Collector,
        *,
        changes: watch.Notifier,
    ) -> None:
        self._uploader = uploader
        self._collector = collector
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

    async def CollectGarbage(
        self, request: pb.CollectGarbageRequest, context: Context
    ) -> pb.CollectGarbageResponse:
        limit = garbage.check_limit(request.limit)
        collection = await self._collector.collect(
            limit=limit, dry_run=request.dry_run, by=actors.of(context)
        )
        self._changes.notify()
        _log.info(
            "garbage collected",
            extra={"artifacts": len(collection.garbage), "dry_run": request.dry_run},
        )
        return _collection(collection)


def _collection(collection: Collection) -> pb.CollectGarbageResponse:
    return pb.CollectGarbageResponse(
        garbage=[
            pb.Garbage(
                digest=found.digest,
                size_bytes=found.size_bytes,
                write_time=convert.timestamp(found.time),
                versions=[str(version) for version in found.versions],
                explanation=found.explanation,
            )
            for found in collection.garbage
        ],
        garbage_bytes=sum(found.size_bytes for found in collection.garbage),
        more=collection.more,
        needed_artifacts=collection.needed,
        recent_artifacts=collection.recent,
        given_up_uploads=collection.given_up,
    )


def _upload(progress: Progress) -> pb.Upload:
    return pb.Upload(
        upload=progress.upload,
        digest=progress.digest,
        size_bytes=progress.size_bytes,
        committed_bytes=progress.committed_bytes,
        complete=progress.complete,
    )
