"""The rpcs of the ledger of aliases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from algolink import names
from algolink.names import ModelName, VersionName
from algolink.registry.v1 import ledger_pb2 as pb
from algolink.registry.v1 import ledger_pb2_grpc
from chassis import watch
from registry_svc import actors, convert_ledger
from registry_svc.domain import ledger, lifecycle, models, paging
from registry_svc.domain.ledger import AliasMove
from registry_svc.recording import Recorder
from registry_svc.servicer import Context, log_alias
from registry_svc.store import Reader, Store


class LedgerServicer(ledger_pb2_grpc.LedgerServiceServicer):
    """Parses, loads, decides, saves and replies.

    Args:
        changes: notified after each write.
    """

    def __init__(
        self, store: Store, *, now: Callable[[], datetime], changes: watch.Notifier
    ) -> None:
        self._store = store
        self._now = now
        self._changes = changes

    async def GetAliasAt(self, request: pb.GetAliasAtRequest, context: Context) -> pb.AliasMove:
        name = ModelName.parse(request.model)
        alias = names.check_alias(request.alias)
        now = self._now()
        time = ledger.check_asked_time(convert_ledger.asked_time(request) or now, now=now)
        async with self._store.reading() as reader:
            await reader.get_model(name)
            move = await reader.find_move_at(name, alias, time)
        if move is None or move.version is None:
            raise ledger.alias_not_set(name, alias, time)
        return convert_ledger.move_to_proto(move)

    async def ListAliasMoves(
        self, request: pb.ListAliasMovesRequest, context: Context
    ) -> pb.ListAliasMovesResponse:
        parent = ModelName.parse(request.parent)
        alias = names.check_alias(request.alias) if request.alias else None
        page_size = paging.size(request.page_size)
        async with self._store.reading() as reader:
            await reader.get_model(parent)
            scope = (f"{parent}/aliasMoves", request.alias)
            pages = paging.Pages(await reader.page_key(), scope)
            below = paging.number_after(pages, request.page_token)
            found = await reader.list_moves(parent, alias=alias, below=below, limit=page_size + 1)
        page, next_page_token = pages.cut(found, page_size, lambda move: (move.number,))
        return pb.ListAliasMovesResponse(
            moves=[convert_ledger.move_to_proto(move) for move in page],
            next_page_token=next_page_token,
        )

    async def RollBackAlias(
        self, request: pb.RollBackAliasRequest, context: Context
    ) -> pb.AliasMove:
        name = ModelName.parse(request.model)
        alias = names.check_alias(request.alias)
        at = self._now()
        async with self._store.writing() as writer:
            model = await writer.get_model(name)
            models.check_etag(model, request.etag)
            present = await _newest(writer, name, alias)
            if present is None:
                raise ledger.alias_not_set(name, alias)
            earlier = await _newest(writer, name, alias, below=present.origin)
            if earlier is not None and earlier.version is not None:
                target = VersionName(name.model, earlier.version)
                lifecycle.check_not_retired(await writer.get_version(target))
            rolled_back = ledger.roll_back(model, present, earlier, at=at, reason=request.reason)
            recorder = Recorder(writer, actors.of(context), "RollBackAlias", at)
            _, (move,) = await recorder.save_model(
                model,
                rolled_back,
                removal_reason=request.reason,
                restores=earlier.origin if earlier else None,
            )
        self._changes.notify()
        log_alias("alias rolled back", name, alias, version=move.version)
        return convert_ledger.move_to_proto(move)


async def _newest(
    reader: Reader, name: ModelName, alias: str, below: int | None = None
) -> AliasMove | None:
    found = await reader.list_moves(name, alias=alias, below=below, limit=1)
    return found[0] if found else None
