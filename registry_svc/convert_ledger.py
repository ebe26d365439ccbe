"""Moves of aliases as messages."""

from __future__ import annotations

from datetime import UTC, datetime

from algolink.errors import InvalidArgument
from algolink.registry.v1 import ledger_pb2 as pb
from registry_svc import convert
from registry_svc.domain.ledger import AliasMove


def asked_time(request: pb.GetAliasAtRequest) -> datetime | None:
    """The time that a request asks about; None means now.

    Raises:
        InvalidArgument: TIME_INVALID.
    """
    if not request.HasField("time"):
        return None
    try:
        return request.time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(
            "TIME_INVALID",
            f"{request.time.seconds} s and {request.time.nanos} ns are not a time",
            seconds=request.time.seconds,
            nanos=request.time.nanos,
        ) from error


def move_to_proto(move: AliasMove) -> pb.AliasMove:
    return pb.AliasMove(
        model=str(move.model),
        number=move.number,
        alias=move.alias,
        version=move.version or 0,
        previous_version=move.previous_version or 0,
        state=pb.ALIAS_MOVE_STATE_COMMITTED,
        commit_time=convert.timestamp(move.commit_time),
        mover=move.mover,
        reason=move.reason,
        evidence=convert.evidence_to_proto(move.evidence),
        restores=move.restores or 0,
    )
