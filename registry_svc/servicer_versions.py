"""The rpcs of a version's later life."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from algolink.names import ModelName, VersionName
from algolink.registry.v1 import registry_pb2, versions_pb2_grpc
from algolink.registry.v1 import versions_pb2 as pb
from chassis import auth, watch
from registry_svc import actors, convert, convert_comparison
from registry_svc.domain import compatibility, lifecycle
from registry_svc.domain.models import Model
from registry_svc.domain.versions import State, Version
from registry_svc.recording import Recorder
from registry_svc.servicer import Context
from registry_svc.store import Store

_log = logging.getLogger(__name__)

_MoveRequest = (
    pb.DeprecateVersionRequest
    | pb.ArchiveVersionRequest
    | pb.DeleteVersionRequest
    | pb.RestoreVersionRequest
)


class VersionServicer(versions_pb2_grpc.VersionServiceServicer):
    """Parses, loads, decides, saves and replies.

    Args:
        delete_grace: how long a deleted version can be restored.
        changes: notified after each write.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        delete_grace: timedelta,
        changes: watch.Notifier,
    ) -> None:
        self._store = store
        self._now = now
        self._delete_grace = delete_grace
        self._changes = changes

    async def DeprecateVersion(
        self, request: pb.DeprecateVersionRequest, context: Context
    ) -> registry_pb2.Version:
        return await self._move(request, State.DEPRECATED, "DeprecateVersion", context)

    async def ArchiveVersion(
        self, request: pb.ArchiveVersionRequest, context: Context
    ) -> registry_pb2.Version:
        return await self._move(request, State.ARCHIVED, "ArchiveVersion", context)

    async def DeleteVersion(
        self, request: pb.DeleteVersionRequest, context: Context
    ) -> registry_pb2.Version:
        return await self._move(request, State.DELETED, "DeleteVersion", context)

    async def RestoreVersion(
        self, request: pb.RestoreVersionRequest, context: Context
    ) -> registry_pb2.Version:
        return await self._move(request, State.READY, "RestoreVersion", context)

    async def AnnotateVersion(
        self, request: pb.AnnotateVersionRequest, context: Context
    ) -> registry_pb2.Version:
        def annotated(version: Version, _model: Model, _at: datetime) -> Version:
            return lifecycle.annotate(
                version,
                description=request.description if request.HasField("description") else None,
                set_tags=request.set_tags,
                remove_tags=request.remove_tags,
                set_metrics=request.set_metrics,
                remove_metrics=request.remove_metrics,
            )

        return await self._change(request, "AnnotateVersion", annotated, context)

    async def CompareVersions(
        self, request: pb.CompareVersionsRequest, context: Context
    ) -> pb.Comparison:
        base, candidate = VersionName.parse(request.base), VersionName.parse(request.candidate)
        async with self._store.reading() as reader:
            differences = compatibility.differences(
                (await reader.get_version(base)).signature,
                (await reader.get_version(candidate)).signature,
            )
        return convert_comparison.comparison_to_proto(base, candidate, differences)

    async def _move(
        self, request: _MoveRequest, to: State, action: str, context: Context
    ) -> registry_pb2.Version:
        def moved(version: Version, model: Model, at: datetime) -> Version:
            return lifecycle.move(
                version,
                to,
                model=model,
                at=at,
                delete_grace=self._delete_grace,
                reason=request.reason,
            )

        return await self._change(request, action, moved, context)

    async def _change(
        self,
        request: _MoveRequest | pb.AnnotateVersionRequest,
        action: str,
        change: Callable[[Version, Model, datetime], Version],
        context: Context,
    ) -> registry_pb2.Version:
        name = VersionName.parse(request.name)
        at = self._now()
        async with self._store.writing() as writer:
            version = await writer.get_version(name)
            lifecycle.check_etag(version, request.etag)
            model = await writer.get_model(ModelName(name.model))
            changed = change(version, model, at)
            if changed != version:
                recorder = Recorder(writer, actors.of(context), action, at)
                changed = await recorder.save_version(version, changed)
                # A change of the model is what watches are woken for.
                await recorder.save_model(model, replace(model, update_time=at))
        self._changes.notify()
        _log.info(
            "version changed",
            extra={
                "action": action,
                "version": str(name),
                "state": str(changed.state),
                "caller": auth.caller().name,
            },
        )
        return convert.version_to_proto(changed)
