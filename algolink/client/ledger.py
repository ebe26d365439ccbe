"""Calls of the registry's ledger of aliases."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from algolink import names
from algolink.client.calls import Call, Pages
from algolink.client.registry import model_name
from algolink.registry.v1 import ledger_pb2 as pb

_SERVICE = "/algolink.registry.v1.LedgerService"


def get_alias_at(model: str, alias: str, time: datetime | None) -> Call[pb.AliasMove]:
    request = pb.GetAliasAtRequest(model=str(model_name(model)), alias=names.check_alias(alias))
    if time is not None:
        request.time.CopyFrom(_timestamp(time))
    return Call(path=f"{_SERVICE}/GetAliasAt", request=request, reply=pb.AliasMove)


def list_alias_moves(
    model: str, alias: str | None
) -> Pages[pb.ListAliasMovesResponse, pb.AliasMove]:
    parent = str(model_name(model))
    wanted = names.check_alias(alias) if alias else ""
    return Pages(
        page=lambda token: Call(
            path=f"{_SERVICE}/ListAliasMoves",
            request=pb.ListAliasMovesRequest(
                parent=parent, alias=wanted, page_size=1_000, page_token=token
            ),
            reply=pb.ListAliasMovesResponse,
        ),
        items=lambda page: page.moves,
        next_token=lambda page: page.next_page_token,
    )


def roll_back_alias(model: str, alias: str, *, reason: str, etag: str) -> Call[pb.AliasMove]:
    return Call(
        path=f"{_SERVICE}/RollBackAlias",
        request=pb.RollBackAliasRequest(
            model=str(model_name(model)),
            alias=names.check_alias(alias),
            reason=reason,
            etag=etag,
        ),
        reply=pb.AliasMove,
        idempotent=False,
    )


def _timestamp(time: datetime) -> Timestamp:
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp
