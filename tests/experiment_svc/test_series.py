"""Results over time: kept by who decides, in every store, and told by rpc."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from algolink.experiment.v1 import series_pb2 as pb
from algolink.experiment.v1 import series_pb2_grpc as rpc
from algolink.names import ExperimentName
from experiment_svc import convert_series
from experiment_svc.deciding import LEASE, Decider
from experiment_svc.domain import experiments
from experiment_svc.domain.series import LIMIT, Point
from experiment_svc.store import Store
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import (
    NOON,
    FakeClock,
    a_draft,
    a_running,
    an_exposure,
    an_outcome,
)

NAME = ExperimentName("digits")


async def add(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.add_experiment(a_running())


async def expose(store: Store, clock: FakeClock, count: int, arm: str = "champion") -> None:
    units = [f"{arm}-{clock.now:%s%f}-{number}" for number in range(count)]
    async with store.transaction() as tx:
        exposures = [an_exposure(unit=unit, arm=arm, at=clock.now) for unit in units]
        await tx.add_exposures(exposures, node="node-1")
        values = [float(number % 3 == 0) for number in range(count)]
        outcomes = [
            an_outcome(unit=unit, value=value, at=clock.now)
            for unit, value in zip(units, values, strict=True)
        ]
        await tx.add_outcomes([outcomes])


async def points(store: Store) -> list[Point]:
    async with store.reading() as reading:
        return [*await reading.series_of(NAME)]


async def units(store: Store) -> list[int]:
    told = [convert_series.point_to_proto(point) for point in await points(store)]
    return [sum(arm.units for arm in point.arms) for point in told]


async def test_points_come_with_facts_and_ten_seconds_apart(store: Store, clock: FakeClock) -> None:
    await add(store)
    decider = Decider(store, clock)
    await decider.look_once()

    for _ in range(4):
        clock.advance(seconds=5)
        await expose(store, clock, 3)
        await decider.look_once()
    clock.advance(seconds=60)
    await decider.look_once()
    await decider.look_once()

    assert await units(store) == [0, 6, 12]
    assert [point.changed for point in await points(store)] == [True, False, False]


async def test_a_ramp_and_the_end_are_told_at_once_and_the_end_once(
    store: Store, clock: FakeClock
) -> None:
    await add(store)
    await Decider(store, clock).look_once()
    async with store.transaction() as tx:
        running = await tx.get_experiment(NAME)
        weights = {"champion": 5_000, "challenger": 5_000}
        await tx.put_experiment(experiments.ramp(running, weights, at=clock.advance(seconds=1)))
    clock.advance(minutes=1)
    await Decider(store, clock).look_once()
    async with store.transaction() as tx:
        running = await tx.get_experiment(NAME)
        await tx.put_experiment(experiments.stop(running, at=clock.advance(seconds=1)))

    # Another process, which has seen nothing of it run.
    clock.advance(minutes=1)
    another = Decider(store, clock)
    await another.look_once()
    await another.look_once()

    found = await points(store)
    assert [(point.changed, point.final) for point in found] == [
        (True, False),
        (True, False),
        (True, True),
    ]
    assert [convert_series.point_to_proto(point).phase for point in found] == [1, 2, 2]
    async with store.reading() as reading:
        assert await reading.open_series() == []


async def test_who_has_lost_the_lease_adds_nothing(store: Store, clock: FakeClock) -> None:
    await add(store)
    async with store.transaction() as tx:
        await tx.take_lease(LEASE, holder="another", at=clock.now, length=timedelta(minutes=1))

    await Decider(store, clock).look_once()

    assert await points(store) == []


async def test_the_number_of_points_is_bounded(store: Store) -> None:
    await add(store)
    async with store.transaction() as tx:
        for number in range(LIMIT + 20):
            await tx.add_point(
                Point(
                    experiment=NAME,
                    time=NOON + timedelta(seconds=10 * number),
                    revision=1,
                    changed=number in (0, 7),
                    final=False,
                    body="{}",
                )
            )

    found = await points(store)

    assert len(found) == LIMIT
    assert {1, 8, LIMIT + 20} <= {point.number for point in found}
    async with store.reading() as reading:
        assert await reading.open_series() == [NAME]


async def test_the_rpc_tells_what_was_known_when(
    memory_store: MemoryStore, series_stub: rpc.SeriesServiceStub, clock: FakeClock
) -> None:
    await add(memory_store)
    decider = Decider(memory_store, clock)
    await decider.look_once()
    clock.advance(minutes=1)
    await expose(memory_store, clock, 300)
    await expose(memory_store, clock, 60, arm="challenger")
    await decider.look_once()

    series = await series_stub.GetResultsSeries(pb.GetResultsSeriesRequest(name=str(NAME)))

    empty, last = series.points
    assert not empty.HasField("sample_ratio_p_value")
    assert empty.metrics[0].comparisons[0].undefined_reason
    assert [(arm.arm, arm.units, arm.mean) for arm in last.arms] == [
        ("champion", 300, pytest.approx(1 / 3)),
        ("challenger", 60, pytest.approx(1 / 3)),
    ]
    (comparison,) = last.metrics[0].comparisons
    assert comparison.lower < 0 < comparison.upper
    assert last.exposures == 360
    assert 0 < last.sample_ratio_p_value <= 1
    assert last.time.ToDatetime(tzinfo=NOON.tzinfo) == clock.now


async def test_a_draft_has_no_points_and_an_unknown_one_is_not_found(
    memory_store: MemoryStore, series_stub: rpc.SeriesServiceStub
) -> None:
    async with memory_store.transaction() as tx:
        await tx.add_experiment(a_draft())

    series = await series_stub.GetResultsSeries(pb.GetResultsSeriesRequest(name=str(NAME)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await series_stub.GetResultsSeries(pb.GetResultsSeriesRequest(name="experiments/other"))

    assert list(series.points) == []
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
