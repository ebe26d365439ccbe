"""Lost exposures: reported, seen in results, forbidding decisions until acknowledged."""

from __future__ import annotations

import grpc
import pytest

from algolink.experiment.v1 import experiment_pb2, experiment_pb2_grpc
from algolink.experiment.v1 import losses_pb2 as pb
from algolink.experiment.v1 import losses_pb2_grpc as rpc
from experiment_svc import convert
from experiment_svc.deciding import Decider
from experiment_svc.domain.design import Rule
from experiment_svc.domain.experiments import State
from experiment_svc.store import Store
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import NOON, FakeClock, a_running
from tests.experiment_svc.test_deciding import AUTO, HALF, NAME, add, feed, get


def a_report(
    revision: int = 1, *, run: str = "run-1", at_least: bool = False, **lost: int
) -> pb.ReportLossesRequest:
    return pb.ReportLossesRequest(
        node="envoy-1",
        run=run,
        revision=revision,
        cause="disk full",
        time=convert.time_to_proto(NOON),
        losses=[
            pb.Loss(experiment=f"experiments/{name}", exposures=count, at_least=at_least)
            for name, count in lost.items()
        ],
    )


@pytest.fixture
async def running(memory_store: MemoryStore, clock: FakeClock) -> Store:
    """One experiment whose rule would conclude."""
    await add(memory_store, a_running(weights=HALF, rule=AUTO))
    await feed(memory_store, clock=clock)
    return memory_store


async def test_a_loss_keeps_the_rule_from_acting_until_it_is_acknowledged(
    running: Store, clock: FakeClock, loss_stub: rpc.LossServiceStub
) -> None:
    decider = Decider(running, clock)
    await loss_stub.ReportLosses(a_report(digits=3))

    await decider.look_once()
    before = await get(running)
    reply = await loss_stub.AcknowledgeLosses(
        pb.AcknowledgeLossesRequest(name=str(NAME), note="seen")
    )
    await decider.look_once()
    after = await get(running)

    assert before.state is State.RUNNING
    assert [loss.exposures for loss in reply.losses] == [3]
    assert after.state is State.CONCLUDING
    assert after.verdict is not None
    assert '"note":"seen"' in after.verdict.evidence


async def test_results_say_what_is_lost_and_why_nothing_is_decided(
    running: Store,
    loss_stub: rpc.LossServiceStub,
    experiment_stub: experiment_pb2_grpc.ExperimentServiceStub,
) -> None:
    await loss_stub.ReportLosses(a_report(digits=3, at_least=True))

    results = await experiment_stub.GetResults(experiment_pb2.GetResultsRequest(name=str(NAME)))

    [loss] = results.losses
    assert (loss.node, loss.run, loss.cause) == ("envoy-1", "run-1", "disk full")
    assert results.recommended_winner == ""
    assert "exposures are lost (at least 3, at envoy-1: disk full)" in results.recommendation


async def test_a_person_can_conclude_all_the_same(
    running: Store,
    loss_stub: rpc.LossServiceStub,
    experiment_stub: experiment_pb2_grpc.ExperimentServiceStub,
) -> None:
    await loss_stub.ReportLosses(a_report(digits=3))
    request = experiment_pb2.ConcludeExperimentRequest(name=str(NAME), winner="challenger")

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await experiment_stub.ConcludeExperiment(request)
    request.force = True
    concluded = await experiment_stub.ConcludeExperiment(request)

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "acknowledges it" in str(caught.value.details())
    assert concluded.verdict.forced


async def test_what_is_not_acknowledged_is_listed_for_all_experiments(
    running: Store, loss_stub: rpc.LossServiceStub
) -> None:
    await loss_stub.ReportLosses(a_report(digits=3, other=1))
    before = await loss_stub.ListLosses(pb.ListLossesRequest())

    await loss_stub.AcknowledgeLosses(pb.AcknowledgeLossesRequest(name=str(NAME)))
    after = await loss_stub.ListLosses(pb.ListLossesRequest())

    assert {loss.experiment for loss in before.losses} == {
        "experiments/digits",
        "experiments/other",
    }
    assert [loss.experiment for loss in after.losses] == ["experiments/other"]


async def test_acknowledging_nothing_changes_nothing(
    running: Store, loss_stub: rpc.LossServiceStub
) -> None:
    before = await get(running)

    reply = await loss_stub.AcknowledgeLosses(pb.AcknowledgeLossesRequest(name=str(NAME)))

    assert not reply.losses
    assert await get(running) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"node": ""},
        {"run": "r" * 300},
        {"revision": 0},
        {"cause": "\n"},
        {"losses": [pb.Loss(experiment="digits")]},
        {"losses": [pb.Loss(experiment="experiments/digits", exposures=-1)]},
        {"losses": 2 * [pb.Loss(experiment="experiments/digits", exposures=1)]},
    ],
    ids=["no node", "long run", "no revision", "cause", "name", "negative", "twice"],
)
async def test_a_report_that_cannot_be_meant_is_refused(
    loss_stub: rpc.LossServiceStub, wrong: dict[str, object]
) -> None:
    request = a_report(digits=1)
    for field, value in wrong.items():
        if field == "losses":
            del request.losses[:]
            request.losses.extend(value)  # type: ignore[arg-type]  # a table of cases
        else:
            setattr(request, field, value)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await loss_stub.ReportLosses(request)

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert not (await loss_stub.ListLosses(pb.ListLossesRequest())).losses


async def test_losses_of_an_experiment_that_does_not_exist_cannot_be_acknowledged(
    loss_stub: rpc.LossServiceStub,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await loss_stub.AcknowledgeLosses(pb.AcknowledgeLossesRequest(name="experiments/nobody"))

    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_rule_that_does_not_act_says_nothing_of_losses_that_are_not_there(
    memory_store: MemoryStore, experiment_stub: experiment_pb2_grpc.ExperimentServiceStub
) -> None:
    await add(memory_store, a_running(weights=HALF, rule=Rule()))

    results = await experiment_stub.GetResults(experiment_pb2.GetResultsRequest(name=str(NAME)))

    assert not results.losses
    assert "lost" not in results.recommendation
