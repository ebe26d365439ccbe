"""The registry's rpcs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from algolink import names
from algolink.errors import InvalidArgument
from algolink.names import ModelName, VersionName
from algolink.registry.v1 import registry_pb2 as pb
from algolink.registry.v1 import registry_pb2_grpc
from chassis import auth, watch
from registry_svc import actors, convert, feeds
from registry_svc.artifacts import Artifacts
from registry_svc.domain import lifecycle, models, paging
from registry_svc.domain.search import fields, orders, predicates, records
from registry_svc.domain.versions import Version
from registry_svc.pushing import Pusher
from registry_svc.recording import Recorder
from registry_svc.store import Store

_log = logging.getLogger(__name__)

ALL_MODELS = "models/-"
"""Parent of all versions."""

_POLL_S = 60.0
"""Others look for the writes of other processes, once for all watches: see `noticing`."""

Context = grpc.aio.ServicerContext[Any, Any]


class RegistryServicer(registry_pb2_grpc.RegistryServiceServicer):
    """Parses, loads, decides, saves and replies.

    Args:
        draining: ends the watches when set.
        changes: notified after each write; wakes the watches.
    """

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        pusher: Pusher,
        *,
        now: Callable[[], datetime],
        draining: asyncio.Event,
        changes: watch.Notifier,
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._pusher = pusher
        self._now = now
        self._draining = draining
        self._changes = changes
        self._feed = feeds.Feed(store, changes=changes)

    async def PushVersion(
        self, request_iterator: AsyncIterator[pb.PushVersionRequest], context: Context
    ) -> pb.Version:
        version = await self._pusher.push(aiter(request_iterator), by=actors.of(context))
        self._changes.notify()
        log_push(version)
        return convert.version_to_proto(version)

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.Model:
        name = ModelName.parse(request.name)
        async with self._store.reading() as reader:
            return convert.model_to_proto(await reader.get_model(name))

    async def ListModels(
        self, request: pb.ListModelsRequest, context: Context
    ) -> pb.ListModelsResponse:
        page_size = paging.size(request.page_size)
        predicate = predicates.read(request.filter, fields.OF_MODELS)
        order = orders.read(request.order_by, fields.OF_MODELS, orders.MODELS)
        async with self._store.reading() as reader:
            scope = ("models", request.filter, request.order_by)
            pages = paging.Pages(await reader.page_key(), scope)
            found = await reader.search_models(
                predicate, order, after=pages.after(request.page_token), limit=page_size + 1
            )
        page, next_page_token = pages.cut(
            found, page_size, lambda model: orders.place(records.of_model(model), order)
        )
        return pb.ListModelsResponse(
            models=[convert.model_to_proto(model) for model in page],
            next_page_token=next_page_token,
        )

    async def GetVersion(self, request: pb.GetVersionRequest, context: Context) -> pb.Version:
        name = VersionName.parse(request.name)
        async with self._store.reading() as reader:
            return convert.version_to_proto(await reader.get_version(name))

    async def ListVersions(
        self, request: pb.ListVersionsRequest, context: Context
    ) -> pb.ListVersionsResponse:
        parent = None if request.parent == ALL_MODELS else ModelName.parse(request.parent)
        page_size = paging.size(request.page_size)
        predicate = predicates.among_versions(
            predicates.read(request.filter, fields.OF_VERSIONS),
            model=parent.model if parent else None,
            deleted=request.show_deleted,
        )
        order = orders.read(request.order_by, fields.ORDERS_OF_VERSIONS, orders.VERSIONS)
        async with self._store.reading() as reader:
            if parent is not None:
                await reader.get_model(parent)
            scope = (request.parent, request.filter, request.order_by, request.show_deleted)
            pages = paging.Pages(await reader.page_key(), scope)
            found = await reader.search_versions(
                predicate, order, after=pages.after(request.page_token), limit=page_size + 1
            )
        page, next_page_token = pages.cut(
            found, page_size, lambda version: orders.place(records.to_order(version), order)
        )
        return pb.ListVersionsResponse(
            versions=[convert.version_to_proto(version) for version in page],
            next_page_token=next_page_token,
        )

    async def SetAlias(self, request: pb.SetAliasRequest, context: Context) -> pb.Model:
        name = ModelName.parse(request.model)
        evidence = convert.evidence(request)
        at = self._now()
        async with self._store.writing() as writer:
            model = await writer.get_model(name)
            models.check_etag(model, request.etag)
            pointed = models.point_alias(
                model,
                request.alias,
                request.version,
                at=at,
                reason=request.reason,
                evidence=evidence,
            )
            if pointed is not model:
                target = VersionName(name.model, request.version)
                lifecycle.check_not_retired(await writer.get_version(target))
                recorder = Recorder(writer, actors.of(context), "SetAlias", at)
                pointed, _ = await recorder.save_model(model, pointed)
        self._changes.notify()
        log_alias("alias set", name, request.alias, version=request.version)
        return convert.model_to_proto(pointed)

    async def DeleteAlias(self, request: pb.DeleteAliasRequest, context: Context) -> Empty:
        name = ModelName.parse(request.model)
        reason = models.check_reason(request.reason)
        at = self._now()
        async with self._store.writing() as writer:
            model = await writer.get_model(name)
            models.check_etag(model, request.etag)
            removed = models.remove_alias(model, request.alias, at=at)
            recorder = Recorder(writer, actors.of(context), "DeleteAlias", at)
            await recorder.save_model(model, removed, removal_reason=reason)
        self._changes.notify()
        log_alias("alias deleted", name, request.alias)
        return Empty()

    async def DownloadArtifact(
        self, request: pb.DownloadArtifactRequest, context: Context
    ) -> AsyncIterator[pb.DownloadArtifactResponse]:
        digest = names.check_digest(request.digest)
        limit = _limit(request)
        async for piece in self._artifacts.read(digest, request.offset, limit):
            yield pb.DownloadArtifactResponse(chunk=piece)

    async def WatchModels(
        self, request: pb.WatchModelsRequest, context: Context
    ) -> AsyncIterator[pb.WatchModelsResponse]:
        async with self._store.reading() as reader:
            instance, head = await reader.instance(), await reader.head()
        since, restarted = watch.ResumeToken.start(
            request.resume_token, instance=instance, head=head
        )
        steps = watch.follow(
            self._feed.since, self._changes, self._draining, since, _POLL_S, feeds.PAGE
        )
        async for step in steps:
            if isinstance(step, watch.Synced):
                message = convert.synced_to_proto(step, instance=instance)
            else:
                message = step.item
            yield convert.as_restarted(message) if restarted else message
            restarted = False


def log_push(version: Version) -> None:
    """Logs a new version, and who pushed it."""
    _log.info(
        "version pushed",
        extra={
            "version": str(version.name),
            "digest": version.digest,
            "caller": auth.caller().name,
        },
    )


def log_alias(event: str, model: ModelName, alias: str, **details: object) -> None:
    """Logs what happened to an alias, and who asked for it."""
    _log.info(
        event,
        extra={"model": str(model), "alias": alias, "caller": auth.caller().name, **details},
    )


def _limit(request: pb.DownloadArtifactRequest) -> int | None:
    if request.max_bytes < 0:
        raise InvalidArgument(
            "MAX_BYTES_INVALID",
            f"{request.max_bytes} bytes cannot be sent: use 0 for all that follow",
            max_bytes=request.max_bytes,
        )
    return request.max_bytes or None
