from __future__ import annotations

import grpc
import pytest

from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1.experiment_pb2_grpc import ExperimentServiceStub
from chassis import errors
from chassis.runtime import Runtime
from experiment_svc.domain import experiments
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import NOON, a_draft, a_running, a_verdict

Watch = grpc.aio.UnaryStreamCall[pb.WatchExperimentsRequest, pb.WatchExperimentsResponse]


def opened(stub: ExperimentServiceStub, resume_token: str = "") -> Watch:
    watch: Watch = stub.WatchExperiments(pb.WatchExperimentsRequest(resume_token=resume_token))
    return watch


async def until_synced(watch: Watch) -> list[pb.WatchExperimentsResponse]:
    steps = [await next_of(watch)]
    while not steps[-1].HasField("synced"):
        steps.append(await next_of(watch))
    return steps


async def next_of(watch: Watch) -> pb.WatchExperimentsResponse:
    step = await watch.read()
    assert isinstance(step, pb.WatchExperimentsResponse)
    return step


async def add(store: MemoryStore, *names: str) -> None:
    for name in names:
        async with store.transaction() as tx:
            await tx.add_experiment(a_draft(name=name, model=name))


async def test_everything_comes_first_then_the_mark_then_what_changes(
    experiment_stub: ExperimentServiceStub, memory_store: MemoryStore
) -> None:
    await add(memory_store, "a", "b")
    watch = opened(experiment_stub)

    steps = await until_synced(watch)
    await add(memory_store, "c")
    change = await next_of(watch)

    assert [step.experiment.name for step in steps[:-1]] == ["experiments/a", "experiments/b"]
    assert not any(step.restarted for step in steps)
    assert change.experiment.name == "experiments/c"
    watch.cancel()


async def test_a_resumed_watch_brings_only_what_changed(
    experiment_stub: ExperimentServiceStub, memory_store: MemoryStore
) -> None:
    await add(memory_store, "a", "b")
    first = opened(experiment_stub)
    token = (await until_synced(first))[-1].resume_token
    first.cancel()
    await add(memory_store, "c")

    second = opened(experiment_stub, token)
    steps = await until_synced(second)

    assert [step.experiment.name for step in steps[:-1]] == ["experiments/c"]
    second.cancel()


@pytest.mark.parametrize("token", ["nonsense", "b3RoZXI6NQ=="])
async def test_a_token_of_another_database_starts_over(
    experiment_stub: ExperimentServiceStub, memory_store: MemoryStore, token: str
) -> None:
    await add(memory_store, "a")
    watch = opened(experiment_stub, token)

    steps = await until_synced(watch)

    assert [step.restarted for step in steps] == [True, False]
    assert steps[0].experiment.name == "experiments/a"
    watch.cancel()


async def test_a_verdict_comes_without_its_evidence(
    experiment_stub: ExperimentServiceStub, memory_store: MemoryStore
) -> None:
    async with memory_store.transaction() as tx:
        await tx.add_experiment(experiments.conclude(a_running(), a_verdict(), at=NOON))
    watch = opened(experiment_stub)

    verdict = (await until_synced(watch))[0].experiment.verdict

    assert verdict.digest == a_verdict().digest
    assert not verdict.HasField("evidence")
    watch.cancel()


async def test_a_watch_ends_when_the_service_drains(
    experiment_stub: ExperimentServiceStub, runtime: Runtime
) -> None:
    watch = opened(experiment_stub)
    await until_synced(watch)

    runtime.draining.set()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await next_of(watch)

    error = errors.from_rpc_error(caught.value)
    assert (error.code, error.reason) == ("UNAVAILABLE", "DRAINING")
