"""Saves a model together with what has to be remembered of the change."""

from __future__ import annotations

from datetime import datetime

from registry_svc.domain import ledger
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.models import Model
from registry_svc.store import Writer


async def save_model(
    writer: Writer,
    before: Model,
    after: Model,
    *,
    at: datetime,
    by: str,
    removal_reason: str = "",
    restores: int | None = None,
) -> tuple[Model, tuple[AliasMove, ...]]:
    """Puts `after` and writes its moves into the ledger.

    Args:
        before: as read in this transaction.
        by: name of the caller.
        removal_reason: why aliases that `after` lacks were removed.
        restores: number of the move that a rollback returns to.
    """
    saved = await writer.put_model(after)
    newest = await writer.list_moves(after.name, alias=None, below=None, limit=1)
    moves = tuple(
        ledger.moves_between(
            before,
            after,
            last=newest[0] if newest else None,
            at=at,
            mover=by,
            removal_reason=removal_reason,
            restores=restores,
        )
    )
    for move in moves:
        await writer.add_move(move)
    return saved, moves
