"""Saves what changed together with what has to be remembered of the change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry_svc.domain import audit, ledger
from registry_svc.domain.audit import Actor, Entry
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.lineage import Lineage
from registry_svc.domain.models import Model
from registry_svc.domain.versions import Version
from registry_svc.store import Writer


@dataclass(frozen=True, slots=True)
class Recorder:
    """One call that changes things, within one transaction.

    Attributes:
        action: name of the rpc.
        at: when; UTC.
    """

    writer: Writer
    actor: Actor
    action: str
    at: datetime

    async def save_model(
        self,
        before: Model,
        after: Model,
        *,
        removal_reason: str = "",
        restores: int | None = None,
    ) -> tuple[Model, tuple[AliasMove, ...]]:
        """Puts `after`, with its moves in the ledger.

        Args:
            before: as read in this transaction, or as new.
            after: the same model, changed.
            removal_reason: why aliases that `after` lacks were removed.
            restores: number of the move that a rollback returns to.
        """
        saved = await self.writer.put_model(after)
        newest = await self.writer.list_moves(after.name, alias=None, below=None, limit=1)
        moves = tuple(
            ledger.moves_between(
                before,
                after,
                last=newest[0] if newest else None,
                at=self.at,
                mover=self.actor.name,
                removal_reason=removal_reason,
                restores=restores,
            )
        )
        for move in moves:
            await self.writer.add_move(move)
        existed = before.revision > 0
        await self._write_down(
            str(after.name),
            audit.digest_of_model(before) if existed else "",
            audit.digest_of_model(after),
        )
        return saved, moves

    async def add_version(self, version: Version) -> None:
        """Adds a version of a model that is saved in the same call."""
        await self.writer.add_version(version)
        await self._write_down(str(version.name), "", audit.digest_of_version(version))

    async def save_version(self, before: Version, after: Version) -> Version:
        """Puts `after`; its model has to be saved in the same call."""
        saved = await self.writer.put_version(after)
        await self._write_down(
            str(after.name), audit.digest_of_version(before), audit.digest_of_version(after)
        )
        return saved

    async def add_lineage(self, lineage: Lineage) -> None:
        """Adds a lineage."""
        await self.writer.add_lineage(lineage)
        await self._write_down(f"{lineage.version}/lineage", "", audit.digest_of_lineage(lineage))

    async def remove_artifact(self, digest: str) -> None:
        """Writes down that an artifact is removed."""
        await self._write_down(f"artifacts/{digest}", digest, "")

    async def _write_down(self, resource: str, before: str, after: str) -> None:
        if before == after:
            return
        await self.writer.add_entry(
            Entry(
                number=await self.writer.newest_entry() + 1,
                time=self.at,
                actor=self.actor,
                action=self.action,
                resource=resource,
                before_digest=before,
                after_digest=after,
            )
        )
