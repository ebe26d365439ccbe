"""Feedback on predictions, joined to their requests, in every store and by rpc."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import pytest

from algolink.client import AsyncClient, Feedback
from algolink.errors import AlgoLinkError, InvalidArgument
from algolink.experiment.v1 import facts_pb2 as pb
from algolink.experiment.v1.facts_pb2_grpc import FactServiceStub
from chassis import errors
from experiment_svc.domain.facts import Kind
from experiment_svc.domain.feedback import Taken
from experiment_svc.store import Store
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import NOON, FakeClock, a_running, an_exposure


async def test_stores_know_requests_and_neither_attempts_nor_shadows(store: Store) -> None:
    later = NOON + timedelta(seconds=1)
    exposures = [
        an_exposure(request_id="taken", unit="alice", at=NOON),
        an_exposure(request_id="taken", unit="alice", at=later, kind=Kind.ATTEMPT, attempt=1),
        an_exposure(request_id="free", experiment="", at=later),
        an_exposure(request_id="copied", kind=Kind.SHADOW),
    ]
    async with store.transaction() as tx:
        await tx.add_exposures(exposures, node="envoy-1")

    many = [f"nothing-{number}" for number in range(1_500)]
    async with store.reading() as reading:
        found = await reading.get_requests(["taken", "copied", *many, "free"])

    assert found == {"taken": Taken("alice", NOON), "free": Taken("", later)}


@pytest.fixture
async def client(memory_store: MemoryStore, address: str, clock: FakeClock) -> Any:
    async with memory_store.transaction() as tx:
        await tx.add_experiment(a_running())
        await tx.add_exposures(
            [
                an_exposure(request_id="one", unit="alice", arm="champion"),
                an_exposure(request_id="two", unit="bob", arm="challenger"),
                an_exposure(request_id="three", unit="bob", arm="challenger"),
                an_exposure(request_id="free", experiment=""),
            ],
            node="envoy-1",
        )
    clock.advance(days=30)
    async with AsyncClient(address, data_endpoint=address) as opened:
        yield opened


def labelled(request_id: str, prediction: str, label: str) -> Feedback:
    return Feedback(request_id=request_id, metric="correct", prediction=prediction, label=label)


async def test_labels_become_the_accuracy_of_each_arm(
    client: AsyncClient, memory_store: MemoryStore, clock: FakeClock
) -> None:
    told = await client.facts.feedback(
        [
            labelled("one", "7", "7"),
            labelled("two", "7", "1"),
            Feedback(request_id="three", metric="correct", value=1.0),
        ]
    )

    assert told.recorded == pb.RecordResponse(accepted=3)
    async with memory_store.reading() as reading:
        found = await reading.get_aggregates(a_running(), at=clock.now)
    assert {cell.arm: cell.values.means[0] for cell in found.cells["correct"]} == {
        "champion": 1.0,
        "challenger": 0.5,
    }


async def test_feedback_counts_once_per_request_and_metric(client: AsyncClient) -> None:
    await client.facts.feedback([labelled("one", "7", "7")])

    told = await client.facts.feedback(
        [
            Feedback(request_id="one", metric="correct", value=1.0),
            Feedback(request_id="one", metric="correct", value=0.0),
            Feedback(request_id="one", metric="useful", value=0.0),
        ]
    )

    assert told.recorded == pb.RecordResponse(accepted=1, redelivered=1, conflicts=1)


async def test_requests_that_are_unknown_or_in_no_experiment_are_told(client: AsyncClient) -> None:
    told = await client.facts.feedback(
        [
            *(labelled(request_id, "7", "7") for request_id in ("later", "free", "one")),
            Feedback(request_id="later", metric="useful", value=1.0),
        ]
    )

    assert (list(told.unknown), list(told.unassigned)) == (["later"], ["free"])
    assert told.recorded == pb.RecordResponse(accepted=1)


@pytest.mark.parametrize(
    "bad",
    [
        pb.Feedback(metric="correct", value=1.0),
        pb.Feedback(request_id="one", value=1.0),
        pb.Feedback(request_id="one", metric="correct"),
        pb.Feedback(request_id="one", metric="correct", value=float("nan")),
        pb.Feedback(request_id="one", metric="correct", value=1e300),
        pb.Feedback(request_id="a\0b", metric="correct", value=1.0),
        pb.Feedback(
            request_id="one", metric="correct", labelled=pb.LabelledPrediction(prediction="7")
        ),
    ],
)
async def test_bad_feedback_is_named_and_nothing_is_stored(
    client: AsyncClient, fact_stub: FactServiceStub, memory_store: MemoryStore, bad: pb.Feedback
) -> None:
    good = pb.Feedback(request_id="one", metric="correct", value=1.0)
    async with memory_store.reading() as reading:
        before = await reading.facts_accepted()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await fact_stub.RecordFeedback(pb.RecordFeedbackRequest(feedback=[good, bad]))

    error: AlgoLinkError = errors.from_rpc_error(caught.value)
    assert (error.reason, error.metadata["index"]) == ("FACT_INVALID", "1")
    async with memory_store.reading() as reading:
        assert await reading.facts_accepted() == before


@pytest.mark.parametrize("given", [{}, {"value": 1.0, "label": "7", "prediction": "7"}])
async def test_feedback_says_one_thing(client: AsyncClient, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        await client.facts.feedback([Feedback(request_id="one", metric="correct", **given)])
