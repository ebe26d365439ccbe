from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from experiment_svc.domain.facts import Outcome, Receipt
from experiment_svc.intake import OutcomeIntake
from experiment_svc.store import Store
from experiment_svc.store_memory import MemoryStore, MemoryTransaction
from tests.experiment_svc.builders import an_outcome


class GatedStore(MemoryStore):
    """Counts transactions, holds each until the gate is open, fails the first if told."""

    def __init__(self, *, failures: int = 0) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.transactions = 0
        self._failures = failures

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        async with super().transaction() as tx:
            self.transactions += 1
            self.entered.set()
            yield tx
            await self.gate.wait()
            if self.transactions <= self._failures:
                raise OSError("disk full")


async def accepted(store: Store) -> int:
    async with store.reading() as reading:
        return await reading.facts_accepted()


async def test_batches_that_come_while_one_is_written_share_the_next_transaction() -> None:
    store = GatedStore()
    intake = OutcomeIntake(store)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(intake.put([an_outcome()]))
        await store.entered.wait()
        late = [tasks.create_task(intake.put([an_outcome()])) for _ in range(50)]
        store.gate.set()

    assert all(put.result() == Receipt(1, 0, 0) for put in late)
    assert store.transactions == 2
    assert await accepted(store) == 51


async def test_a_failure_reaches_who_had_the_turn_and_the_others_are_written() -> None:
    store = GatedStore(failures=1)
    store.gate.set()
    intake = OutcomeIntake(store)

    results = await asyncio.gather(
        *(intake.put([an_outcome()]) for _ in range(5)), return_exceptions=True
    )

    assert [type(result) for result in results] == [OSError] + [Receipt] * 4
    assert await accepted(store) == 4


async def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    store = GatedStore()
    intake = OutcomeIntake(store)
    leader = asyncio.create_task(intake.put([an_outcome()]))
    other = asyncio.create_task(intake.put([an_outcome()]))
    await store.entered.wait()

    leader.cancel()
    with suppress(asyncio.CancelledError):
        await leader
    store.gate.set()

    assert await other == Receipt(1, 0, 0)
    assert await accepted(store) == 1


async def test_a_group_is_bounded() -> None:
    store = GatedStore()
    store.gate.set()
    intake = OutcomeIntake(store)
    batches = [[an_outcome() for _ in range(6_000)] for _ in range(2)]

    receipts = await asyncio.gather(*(intake.put(batch) for batch in batches))

    assert [receipt.accepted for receipt in receipts] == [6_000, 6_000]
    assert store.transactions == 2


@pytest.mark.parametrize("batch", [[], [an_outcome(event_id="same")]])
async def test_all_stores_take_groups(store: Store, batch: list[Outcome]) -> None:
    intake = OutcomeIntake(store)

    receipts = await asyncio.gather(*(intake.put(batch) for _ in range(20)))

    assert sum(receipt.accepted for receipt in receipts) == len(batch)
    assert sum(receipt.redelivered for receipt in receipts) == 19 * len(batch)
