from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from algolink.errors import FailedPrecondition, NotFound, Unavailable
from algolink.names import ExperimentName
from experiment_svc.domain import experiments
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.promoting import Promoter
from experiment_svc.registry import GrpcRegistry
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import NOON, FakeClock, a_running, a_verdict
from tests.experiment_svc.fake_registry import FakeRegistry

NAME = ExperimentName("digits")


async def add_concluding(
    store: MemoryStore, *, winner: str = "challenger", version: int = 2
) -> None:
    concluding = experiments.conclude(a_running(), a_verdict(winner, version), at=NOON)
    async with store.transaction() as tx:
        await tx.add_experiment(concluding)


async def get(store: MemoryStore) -> Experiment:
    async with store.reading() as reading:
        return await reading.get_experiment(NAME)


@asynccontextmanager
async def running(promoter: Promoter) -> AsyncIterator[None]:
    task = asyncio.create_task(promoter.run(poll_s=0.05))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until_concluded(store: MemoryStore) -> Experiment:
    async with asyncio.timeout(10):
        while True:
            seen = store.notifier.count
            experiment = await get(store)
            if experiment.state is State.CONCLUDED:
                return experiment
            await store.notifier.wait_beyond(seen)


async def test_the_winner_becomes_champion_with_the_verdict_attached(
    memory_store: MemoryStore,
    registry: FakeRegistry,
    registry_client: GrpcRegistry,
    clock: FakeClock,
) -> None:
    await add_concluding(memory_store)

    await Promoter(memory_store, registry_client, clock).promote_due()

    concluded = await get(memory_store)
    assert concluded.state is State.CONCLUDED
    assert concluded.promoted_model_revision == registry.models["models/digits"].revision == 3
    assert registry.champion("digits") == 2
    (move,) = registry.moves
    assert move.evidence.experiment == "experiments/digits"
    assert move.evidence.verdict_digest == a_verdict().digest


async def test_a_crash_after_the_registry_moved_the_alias_is_mended_by_asking_again(
    memory_store: MemoryStore,
    registry: FakeRegistry,
    registry_client: GrpcRegistry,
    clock: FakeClock,
) -> None:
    await add_concluding(memory_store)
    concluding = await get(memory_store)
    assert concluding.verdict is not None
    await registry_client.promote(concluding, concluding.verdict)

    await Promoter(memory_store, registry_client, clock).promote_due()

    assert len(registry.moves) == 1
    concluded = await get(memory_store)
    assert (concluded.state, concluded.promoted_model_revision) == (State.CONCLUDED, 3)


async def test_a_control_that_wins_is_champion_already(
    memory_store: MemoryStore,
    registry: FakeRegistry,
    registry_client: GrpcRegistry,
    clock: FakeClock,
) -> None:
    await add_concluding(memory_store, winner="champion", version=1)

    await Promoter(memory_store, registry_client, clock).promote_due()

    concluded = await get(memory_store)
    assert (concluded.state, concluded.promoted_model_revision) == (State.CONCLUDED, 2)
    assert registry.moves == []


async def test_a_registry_that_is_away_is_asked_until_it_answers(
    memory_store: MemoryStore,
    registry: FakeRegistry,
    registry_client: GrpcRegistry,
    clock: FakeClock,
) -> None:
    registry.refusals += [Unavailable("DRAINING", "going down")] * 2
    promoter = Promoter(memory_store, registry_client, clock)

    async with running(promoter):
        await add_concluding(memory_store)
        concluded = await until_concluded(memory_store)

    assert concluded.promoted_model_revision == 3


async def test_a_refusal_is_told_loudly_and_leaves_it_concluding(
    memory_store: MemoryStore,
    registry: FakeRegistry,
    registry_client: GrpcRegistry,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry.refusals.append(NotFound("VERSION_NOT_FOUND", "there is no such version"))
    await add_concluding(memory_store)
    promoter = Promoter(memory_store, registry_client, clock)

    with caplog.at_level(logging.ERROR):
        await promoter.promote_due()
        await promoter.promote_due()

    assert (await get(memory_store)).state is State.CONCLUDING
    (record,) = caplog.records
    assert record.message == "promotion refused"
    assert vars(record)["reason"] == "VERSION_NOT_FOUND"
    refusal = (await get(memory_store)).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.since) == ("VERSION_NOT_FOUND", NOON)


async def test_a_refusal_that_lasts_ends_it_with_the_reason(
    memory_store: MemoryStore,
    registry: FakeRegistry,
    registry_client: GrpcRegistry,
    clock: FakeClock,
) -> None:
    registry.refusals += [FailedPrecondition("VERSION_RETIRED", "it is archived")] * 2
    await add_concluding(memory_store)

    await Promoter(memory_store, registry_client, clock).promote_due()
    assert (await get(memory_store)).state is State.CONCLUDING
    clock.advance(minutes=10)
    await Promoter(memory_store, registry_client, clock).promote_due()

    stopped = await get(memory_store)
    assert stopped.state is State.STOPPED
    assert stopped.refusal is not None
    assert (stopped.refusal.reason, stopped.refusal.since) == ("VERSION_RETIRED", NOON)
    assert stopped.verdict == a_verdict()
    assert registry.champion("digits") == 1


async def test_a_refusal_that_is_mended_is_forgotten(
    memory_store: MemoryStore,
    registry: FakeRegistry,
    registry_client: GrpcRegistry,
    clock: FakeClock,
) -> None:
    registry.refusals.append(FailedPrecondition("VERSION_RETIRED", "it is archived"))
    await add_concluding(memory_store)
    await Promoter(memory_store, registry_client, clock).promote_due()
    await Promoter(memory_store, registry_client, clock).promote_due()

    concluded = await get(memory_store)
    assert (concluded.state, concluded.refusal) == (State.CONCLUDED, None)


async def test_a_champion_that_somebody_moved_is_not_overwritten(
    memory_store: MemoryStore,
    registry: FakeRegistry,
    registry_client: GrpcRegistry,
    clock: FakeClock,
) -> None:
    moved_to = registry.add_version("digits")
    registry.models["models/digits"].aliases["champion"].version = moved_to
    await add_concluding(memory_store)

    await Promoter(memory_store, registry_client, clock).promote_due()

    stopped = await get(memory_store)
    assert stopped.state is State.STOPPED
    assert stopped.refusal is not None
    assert stopped.refusal.reason == "CHAMPION_MOVED"
    assert registry.champion("digits") == moved_to
    assert registry.moves == []


async def test_a_person_may_release_it_at_once(memory_store: MemoryStore) -> None:
    await add_concluding(memory_store)
    concluding = await get(memory_store)

    stopped = experiments.stop(concluding, at=NOON)

    assert stopped.state is State.STOPPED
    assert all(phase.end is not None for phase in stopped.phases)
