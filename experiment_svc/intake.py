"""Group commit: outcomes that come one by one share transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from experiment_svc.domain.fact_checks import MAX_BATCH
from experiment_svc.domain.facts import Outcome, Receipt
from experiment_svc.store import Store


@dataclass(eq=False, slots=True)
class _Entry:
    """A batch that waits, and then its receipt."""

    batch: Sequence[Outcome]
    receipt: Receipt | None = None


class OutcomeIntake:
    """Writes batches that wait at the same time in one transaction.

    A commit waits for the disk, whatever it holds. So whoever has the turn
    writes for all who wait behind it, and they find their receipts when their
    turn comes. A batch is acknowledged only after its own commit.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = asyncio.Lock()
        self._waiting: list[_Entry] = []

    async def put(self, batch: Sequence[Outcome]) -> Receipt:
        """Stores a batch; returns once it is on disk."""
        entry = _Entry(batch)
        self._waiting.append(entry)
        try:
            async with self._turn:
                if entry.receipt is None:
                    await self._write(self._next_group(entry))
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        if entry.receipt is None:
            raise RuntimeError("a batch was written without a receipt")
        return entry.receipt

    async def _write(self, group: Sequence[_Entry]) -> None:
        """If it fails, the batches still wait, and the next in turn tries again."""
        async with self._store.transaction() as tx:
            receipts = await tx.add_outcomes([entry.batch for entry in group])
        for entry, receipt in zip(group, receipts, strict=True):
            entry.receipt = receipt
            if entry in self._waiting:
                self._waiting.remove(entry)

    def _next_group(self, first: _Entry) -> list[_Entry]:
        """`first` and those behind it that fit into a transaction."""
        group, size = [first], len(first.batch)
        for entry in self._waiting:
            if entry is first:
                continue
            if size + len(entry.batch) > MAX_BATCH:
                break
            group.append(entry)
            size += len(entry.batch)
        return group
