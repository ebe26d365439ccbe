from __future__ import annotations

from typing import Any

import grpc
import pytest

from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import facts_pb2 as pb
from algolink.experiment.v1.facts_pb2_grpc import FactServiceStub
from chassis import errors
from chassis.runtime import Runtime
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import (
    NOON,
    FakeClock,
    a_running,
    an_exposure,
    an_outcome,
    exposure_message,
    outcome_message,
)


async def refused_exposures(
    stub: FactServiceStub, *exposures: pb.Exposure, node: str = "node-1"
) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.RecordExposures(pb.RecordExposuresRequest(exposures=exposures, node=node))
    return errors.from_rpc_error(caught.value)


async def refused_outcomes(stub: FactServiceStub, *outcomes: pb.Outcome) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.RecordOutcomes(pb.RecordOutcomesRequest(outcomes=outcomes))
    return errors.from_rpc_error(caught.value)


def an_exposure_message(**fields: Any) -> pb.Exposure:
    message = exposure_message(an_exposure())
    for name, value in fields.items():
        setattr(message, name, value)
    return message


async def accepted(store: MemoryStore) -> int:
    async with store.reading() as reading:
        return await reading.facts_accepted()


async def test_facts_are_accepted_once(fact_stub: FactServiceStub) -> None:
    exposures = pb.RecordExposuresRequest(exposures=[an_exposure_message()], node="node-1")
    outcomes = pb.RecordOutcomesRequest(outcomes=[outcome_message(an_outcome())])

    assert await fact_stub.RecordExposures(exposures) == pb.RecordResponse(accepted=1)
    assert await fact_stub.RecordExposures(exposures) == pb.RecordResponse(redelivered=1)
    assert await fact_stub.RecordOutcomes(outcomes) == pb.RecordResponse(accepted=1)
    assert await fact_stub.RecordOutcomes(outcomes) == pb.RecordResponse(redelivered=1)
    exposures.exposures[0].duration_us += 1
    outcomes.outcomes[0].value += 1.0
    assert await fact_stub.RecordExposures(exposures) == pb.RecordResponse(conflicts=1)
    assert await fact_stub.RecordOutcomes(outcomes) == pb.RecordResponse(conflicts=1)


async def test_a_request_its_attempts_and_its_shadow_are_facts_of_their_own(
    fact_stub: FactServiceStub,
) -> None:
    kinds = [
        (pb.EXPOSURE_KIND_REQUEST, 0),
        (pb.EXPOSURE_KIND_ATTEMPT, 1),
        (pb.EXPOSURE_KIND_ATTEMPT, 2),
        (pb.EXPOSURE_KIND_SHADOW, 0),
    ]
    batch = pb.RecordExposuresRequest(
        exposures=[
            an_exposure_message(request_id="one", kind=kind, attempt=attempt)
            for kind, attempt in kinds
        ],
        node="node-1",
    )

    assert await fact_stub.RecordExposures(batch) == pb.RecordResponse(accepted=4)
    assert await fact_stub.RecordExposures(batch) == pb.RecordResponse(redelivered=4)


async def test_an_empty_batch_is_fine(fact_stub: FactServiceStub) -> None:
    assert await fact_stub.RecordOutcomes(pb.RecordOutcomesRequest()) == pb.RecordResponse()


async def test_an_outcome_without_a_time_happened_when_it_came_and_is_known_later(
    fact_stub: FactServiceStub, memory_store: MemoryStore, clock: FakeClock
) -> None:
    running = a_running()
    outcome = outcome_message(an_outcome())
    outcome.ClearField("time")
    request = pb.RecordOutcomesRequest(outcomes=[outcome])
    async with memory_store.transaction() as tx:
        await tx.add_experiment(running)
        await tx.add_exposures([an_exposure(at=NOON)], node="node-1")

    await fact_stub.RecordOutcomes(request)
    clock.advance(hours=1)

    assert await fact_stub.RecordOutcomes(request) == pb.RecordResponse(redelivered=1)
    async with memory_store.reading() as reading:
        found = await reading.get_aggregates(running, at=clock.now)
    assert found.cells["correct"][0].outcomes == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"request_id": ""},
        {"kind": pb.EXPOSURE_KIND_UNSPECIFIED},
        {"kind": 9},
        {"attempt": 1},
        {"unit": ""},
        {"unit": "two words"},
        {"unit": "x" * 10_000},
        {"unit": "ünit"},
        {"experiment": "digits"},
        {"experiment": ""},
        {"arm": ""},
        {"phase": 0},
        {"model": ""},
        {"duration_us": -1},
    ],
)
async def test_a_bad_exposure_is_named_and_nothing_is_stored(
    fact_stub: FactServiceStub, memory_store: MemoryStore, fields: dict[str, Any]
) -> None:
    error = await refused_exposures(fact_stub, an_exposure_message(), an_exposure_message(**fields))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "FACT_INVALID")
    assert error.metadata["index"] == "1"
    assert await accepted(memory_store) == 0


@pytest.mark.parametrize("seconds", [None, 10**15, -(10**15)])
async def test_an_exposure_needs_a_time_that_exists(
    fact_stub: FactServiceStub, seconds: int | None
) -> None:
    message = an_exposure_message()
    message.ClearField("time")
    if seconds is not None:
        message.time.seconds = seconds

    assert (await refused_exposures(fact_stub, message)).reason == "FACT_INVALID"


@pytest.mark.parametrize(
    "outcome",
    [
        pb.Outcome(event_id="", unit="u", metric="correct", value=1.0),
        pb.Outcome(event_id="e", unit="", metric="correct", value=1.0),
        pb.Outcome(event_id="e", unit="two words", metric="correct", value=1.0),
        pb.Outcome(event_id="e", unit="u", metric="Not One", value=1.0),
        pb.Outcome(event_id="e", unit="u", metric="correct", value=float("nan")),
        pb.Outcome(event_id="e", unit="u", metric="correct", value=float("inf")),
        pb.Outcome(event_id="e", unit="u", metric="correct", value=1e300),
    ],
)
async def test_a_bad_outcome_is_named_and_nothing_is_stored(
    fact_stub: FactServiceStub, memory_store: MemoryStore, outcome: pb.Outcome
) -> None:
    error = await refused_outcomes(fact_stub, outcome_message(an_outcome()), outcome)

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "FACT_INVALID")
    assert error.metadata["index"] == "1"
    assert await accepted(memory_store) == 0


async def test_a_batch_that_is_too_large_is_refused(fact_stub: FactServiceStub) -> None:
    error = await refused_outcomes(fact_stub, *[pb.Outcome()] * 10_001)
    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "BATCH_TOO_LARGE")

    error = await refused_exposures(fact_stub, *[pb.Exposure()] * 10_001)
    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "BATCH_TOO_LARGE")


@pytest.mark.parametrize("node", ["", "x" * 257, "a\0b"])
async def test_exposures_come_from_a_node(fact_stub: FactServiceStub, node: str) -> None:
    error = await refused_exposures(fact_stub, an_exposure_message(), node=node)

    assert error.reason == "NODE_INVALID"


def a_batch(*outcomes: pb.Outcome) -> pb.RecordOutcomesRequest:
    return pb.RecordOutcomesRequest(outcomes=outcomes)


async def test_each_batch_of_a_stream_is_answered_once_it_is_stored(
    fact_stub: FactServiceStub, memory_store: MemoryStore
) -> None:
    one, two = (outcome_message(an_outcome()) for _ in range(2))
    stream = fact_stub.StreamOutcomes()
    answers = []

    for batch in (a_batch(one), a_batch(one, two), a_batch()):
        await stream.write(batch)
        answers.append((await stream.read(), await accepted(memory_store)))
    await stream.done_writing()

    assert [(a.batch, a.recorded.accepted, a.recorded.redelivered, n) for a, n in answers] == [
        (0, 1, 0, 1),
        (1, 1, 1, 2),
        (2, 0, 0, 2),
    ]
    assert await stream.read() == grpc.aio.EOF


async def test_a_bad_batch_of_a_stream_is_refused_by_itself(
    fact_stub: FactServiceStub, memory_store: MemoryStore
) -> None:
    good = outcome_message(an_outcome())
    bad = pb.Outcome(event_id="e", unit="u", metric="correct", value=float("nan"))
    batches = [
        a_batch(outcome_message(an_outcome()), bad, bad),
        a_batch(*[pb.Outcome()] * 10_001),
        a_batch(good),
    ]

    first, second, third = [answer async for answer in fact_stub.StreamOutcomes(iter(batches))]

    assert (first.refused.reason, first.refused.index) == ("FACT_INVALID", 1)
    assert second.refused.reason == "BATCH_TOO_LARGE"
    assert not second.refused.HasField("index")
    assert third.recorded.accepted == await accepted(memory_store) == 1


async def test_a_stream_ends_when_the_service_stops_and_what_was_answered_is_stored(
    fact_stub: FactServiceStub, memory_store: MemoryStore, runtime: Runtime
) -> None:
    stream = fact_stub.StreamOutcomes()
    await stream.write(a_batch(outcome_message(an_outcome())))
    answer = await stream.read()

    runtime.draining.set()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream.read()
    error = errors.from_rpc_error(caught.value)
    assert (error.code, error.reason) == ("UNAVAILABLE", "DRAINING")
    assert answer.recorded.accepted == await accepted(memory_store) == 1


async def test_what_became_of_outcomes_is_told(
    fact_stub: FactServiceStub, memory_store: MemoryStore
) -> None:
    async with memory_store.transaction() as tx:
        await tx.add_experiment(a_running())
        await tx.add_exposures([an_exposure(at=NOON)], node="node-1")
        await tx.add_outcomes(
            [[an_outcome(), an_outcome(unit="nobody"), an_outcome(metric="corect")]]
        )

    found = await fact_stub.GetOutcomeCounts(
        pb.GetOutcomeCountsRequest(experiment="experiments/digits")
    )

    assert list(found.tallies) == [
        pb.OutcomeTally(metric="correct", outcome="correct", counted=1, strangers=1)
    ]
    assert list(found.unused) == [pb.UnusedOutcomes(outcome="corect", number=1)]


async def test_outcomes_of_an_unknown_experiment_cannot_be_counted(
    fact_stub: FactServiceStub,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await fact_stub.GetOutcomeCounts(pb.GetOutcomeCountsRequest(experiment="experiments/none"))

    assert errors.from_rpc_error(caught.value).reason == "EXPERIMENT_NOT_FOUND"
