from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import grpc
import pytest

from algolink import split
from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import assignment_pb2 as pb
from algolink.experiment.v1.assignment_pb2_grpc import AssignmentServiceStub
from algolink.names import ExperimentName
from chassis import errors
from chassis.runtime import Runtime
from experiment_svc.assigning import Plans
from experiment_svc.domain import experiments
from experiment_svc.servicer_assignment import MAX_UNITS
from experiment_svc.store import Store
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import NOON, a_draft, a_running, a_verdict

NAME = "experiments/digits"
UNITS = [f"user-{number}" for number in range(500)]


@pytest.fixture
async def running(memory_store: MemoryStore) -> experiments.Experiment:
    async with memory_store.transaction() as tx:
        return await tx.add_experiment(a_running())


async def refusal(call: Awaitable[Any]) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc_error(caught.value)


async def test_a_unit_is_explained(
    assignment_stub: AssignmentServiceStub, running: experiments.Experiment
) -> None:
    found = await assignment_stub.Assign(pb.AssignRequest(experiment=NAME, unit="user-1"))

    bucket = split.bucket(running.salt, "user-1")
    assert running.table is not None
    segment = running.table.segment_of(bucket)
    assert (found.arm, found.bucket, found.phase, found.revision) == (segment.arm, bucket, 1, 1)
    assert (found.segment_start, found.segment_end) == (segment.start, segment.end)
    assert f"bucket {bucket} under salt {running.salt}" in found.reason


async def test_many_units_are_answered_in_order(
    assignment_stub: AssignmentServiceStub, running: experiments.Experiment
) -> None:
    answer = await assignment_stub.AssignUnits(
        pb.AssignUnitsRequest(experiment=NAME, units=[*UNITS, "no unit"])
    )

    assert [(arm.id, arm.version) for arm in answer.arms] == [("champion", 1), ("challenger", 2)]
    assert running.table is not None
    assert [answer.arms[index].id for index in answer.arm_indexes[:-1]] == [
        running.table.arm_of(split.bucket(running.salt, unit)) for unit in UNITS
    ]
    assert answer.arm_indexes[-1] == -1


async def test_a_stream_sees_a_ramp_between_two_requests(
    assignment_stub: AssignmentServiceStub,
    running: experiments.Experiment,
    memory_store: MemoryStore,
) -> None:
    request = pb.AssignUnitsRequest(experiment=NAME, units=UNITS)
    stream = assignment_stub.StreamAssignments()

    await stream.write(request)
    before = await stream.read()
    async with memory_store.transaction() as tx:
        half = {"champion": 5_000, "challenger": 5_000}
        experiment = await tx.get_experiment(ExperimentName("digits"))
        await tx.put_experiment(experiments.ramp(experiment, half, at=NOON))
    await stream.write(request)
    after = await stream.read()
    await stream.done_writing()

    assert (before.phase, after.phase) == (1, 2)
    assert sum(after.arm_indexes) > sum(before.arm_indexes)
    assert all(was <= now for was, now in zip(before.arm_indexes, after.arm_indexes, strict=True))
    assert await stream.read() is grpc.aio.EOF


async def test_a_stream_ends_when_the_service_drains(
    assignment_stub: AssignmentServiceStub, running: experiments.Experiment, runtime: Runtime
) -> None:
    stream = assignment_stub.StreamAssignments()
    await stream.write(pb.AssignUnitsRequest(experiment=NAME, units=UNITS))
    await stream.read()

    runtime.draining.set()

    assert (await refusal(stream.read())).reason == "DRAINING"


async def test_a_concluded_experiment_gives_everybody_the_winner(
    assignment_stub: AssignmentServiceStub, memory_store: MemoryStore
) -> None:
    concluding = experiments.conclude(a_running(), a_verdict(), at=NOON)
    async with memory_store.transaction() as tx:
        await tx.add_experiment(experiments.promoted(concluding, model_revision=3, at=NOON))

    found = await assignment_stub.Assign(pb.AssignRequest(experiment=NAME, unit="user-1"))

    assert (found.arm, found.version) == ("challenger", 2)
    assert "concluded" in found.reason


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (pb.AssignRequest(experiment=NAME, unit=""), "INVALID_ARGUMENT", "UNIT_INVALID"),
        (pb.AssignRequest(experiment=NAME, unit="a b"), "INVALID_ARGUMENT", "UNIT_INVALID"),
        (pb.AssignRequest(experiment="x", unit="u"), "INVALID_ARGUMENT", "EXPERIMENT_ID_INVALID"),
        (
            pb.AssignRequest(experiment="experiments/other", unit="u"),
            "NOT_FOUND",
            "EXPERIMENT_NOT_FOUND",
        ),
    ],
)
async def test_bad_questions_are_refused(
    assignment_stub: AssignmentServiceStub,
    running: experiments.Experiment,
    request_: pb.AssignRequest,
    code: str,
    reason: str,
) -> None:
    error = await refusal(assignment_stub.Assign(request_))

    assert (error.code, error.reason) == (code, reason)


async def test_a_draft_assigns_nobody(
    assignment_stub: AssignmentServiceStub, memory_store: MemoryStore
) -> None:
    async with memory_store.transaction() as tx:
        await tx.add_experiment(a_draft())

    error = await refusal(
        assignment_stub.AssignUnits(pb.AssignUnitsRequest(experiment=NAME, units=UNITS))
    )

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "EXPERIMENT_NOT_ROUTED")


async def test_a_batch_over_the_limit_is_refused(
    assignment_stub: AssignmentServiceStub, running: experiments.Experiment
) -> None:
    units = ["u"] * (MAX_UNITS + 1)

    error = await refusal(
        assignment_stub.AssignUnits(pb.AssignUnitsRequest(experiment=NAME, units=units))
    )

    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "BATCH_TOO_LARGE")


async def test_plans_see_what_another_process_wrote(store: Store) -> None:
    time_s = 0.0
    plans = Plans(store, lambda: time_s)
    assert await plans.all() == []
    async with store.transaction() as tx:
        await tx.add_experiment(a_running())
    # As if the notice had gone to another process.
    store.notifier.count -= 1

    unseen = await plans.all()
    time_s = 1.0
    seen = await plans.all()

    assert [len(unseen), len(seen)] == [0, 1]


async def test_asking_at_the_same_moment_reads_once(memory_store: MemoryStore) -> None:
    async with memory_store.transaction() as tx:
        await tx.add_experiment(a_running())
    plans = Plans(memory_store)

    found = await asyncio.gather(*(plans.get(ExperimentName("digits")) for _ in range(20)))

    assert len({id(plan) for plan in found}) == 1


async def units_in_batches(count: int) -> AsyncIterator[pb.AssignUnitsRequest]:
    for _ in range(count):
        yield pb.AssignUnitsRequest(experiment=NAME, units=UNITS)


async def test_a_stream_takes_any_number_of_batches(
    assignment_stub: AssignmentServiceStub, running: experiments.Experiment
) -> None:
    answers = [answer async for answer in assignment_stub.StreamAssignments(units_in_batches(20))]

    assert [len(answer.arm_indexes) for answer in answers] == [len(UNITS)] * 20
