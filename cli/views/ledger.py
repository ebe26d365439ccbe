"""Moves of aliases."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from algolink.registry.v1 import ledger_pb2 as pb
from cli.views import text


def moves(found: Sequence[pb.AliasMove]) -> Table:
    table = text.grid("MOVE", "TIME", "ALIAS", "FROM", "TO", "BY", "WHY")
    for move in found:
        table.add_row(
            str(move.number),
            text.moment(move.commit_time),
            move.alias,
            _version(move.previous_version),
            _version(move.version),
            move.mover or text.NOTHING,
            _why(move) or text.NOTHING,
        )
    return table


def move(found: pb.AliasMove) -> Table:
    table = text.facts()
    table.add_row("model", found.model)
    table.add_row("alias", found.alias)
    table.add_row("version", _version(found.version))
    table.add_row("since", text.moment(found.commit_time))
    table.add_row("before", _version(found.previous_version))
    table.add_row("moved by", found.mover or text.NOTHING)
    if why := _why(found):
        table.add_row("why", why)
    return table


def _version(number: int) -> str:
    return str(number) if number else text.NOTHING


def _why(move: pb.AliasMove) -> str:
    reasons = [
        move.reason,
        f"rollback to move {move.restores}" if move.restores else "",
        f"verdict of {move.evidence.experiment}" if move.HasField("evidence") else "",
    ]
    return "; ".join(reason for reason in reasons if reason)
