"""The service as a process: killed, restarted, told to stop, kept from starting."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from pathlib import Path

import grpc
import pytest

from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1 import facts_pb2
from algolink.experiment.v1.experiment_pb2_grpc import ExperimentServiceStub
from algolink.experiment.v1.facts_pb2_grpc import FactServiceStub
from tests.experiment_svc.builders import (
    an_experiment_message,
    an_exposure,
    an_outcome,
    exposure_message,
    outcome_message,
)
from tests.experiment_svc.fake_registry import FakeRegistry
from tests.experiment_svc.processes import environment, running, spawn

pytestmark = pytest.mark.e2e

NAME = "experiments/digits"
BATCHES, BATCH = 30, 40


def batches() -> list[tuple[facts_pb2.RecordExposuresRequest, facts_pb2.RecordOutcomesRequest]]:
    """Half of the units are in each arm, at the time of their exposure in phase 1."""
    made = []
    for batch in range(BATCHES):
        exposures, outcomes = [], []
        for number in range(BATCH):
            arm = ("champion", "challenger")[number % 2]
            unit = f"unit-{batch}-{number}"
            exposures.append(exposure_message(an_exposure(unit=unit, arm=arm)))
            outcomes.append(outcome_message(an_outcome(unit=unit, value=number % 3)))
        made.append(
            (
                facts_pb2.RecordExposuresRequest(exposures=exposures, node="node-1"),
                facts_pb2.RecordOutcomesRequest(outcomes=outcomes),
            )
        )
    return made


async def test_facts_count_once_across_kills_and_re_deliveries(
    tmp_path: Path, registry_address: str, registry: FakeRegistry
) -> None:
    env = environment(tmp_path, registry_address)
    load = batches()
    acknowledged = 0

    async def send_all(channel: grpc.aio.Channel, *, kill: Process | None = None) -> None:
        nonlocal acknowledged
        stub = FactServiceStub(channel)
        for index, (exposures, outcomes) in enumerate(load):
            answers = asyncio.gather(stub.RecordExposures(exposures), stub.RecordOutcomes(outcomes))
            if kill is not None and index == BATCHES // 2:
                kill.kill()  # in the middle of a write
            for answer in await answers:
                acknowledged += answer.accepted

    async with running(env) as (process, channel):
        stub = ExperimentServiceStub(channel)
        message = an_experiment_message(
            (("champion", 1, 5_000), ("challenger", 2, 5_000)), rule=pb.Rule(auto_conclude=False)
        )
        await stub.CreateExperiment(
            pb.CreateExperimentRequest(experiment_id="digits", experiment=message)
        )
        await stub.StartExperiment(pb.StartExperimentRequest(name=NAME))
        with pytest.raises(grpc.aio.AioRpcError):
            await send_all(channel, kill=process)
    async with running(env) as (_, channel):
        await send_all(channel)
        results = await ExperimentServiceStub(channel).GetResults(pb.GetResultsRequest(name=NAME))

    assert results.facts.exposures == BATCHES * BATCH
    assert [arm.requests for arm in results.arms] == [BATCHES * BATCH // 2] * 2
    assert [arm.units for arm in results.arms] == [BATCHES * BATCH // 2] * 2
    assert results.facts.conflicts == 0
    # Every fact was accepted once; a kill between commit and answer hides at most one batch.
    assert 2 * BATCHES * BATCH - 2 * BATCH <= acknowledged <= 2 * BATCHES * BATCH


async def test_a_verdict_is_promoted_by_the_process_that_comes_after_a_kill(
    tmp_path: Path, registry_address: str, registry: FakeRegistry
) -> None:
    env = environment(tmp_path, "127.0.0.1:1")  # nobody answers there
    alive = environment(tmp_path, registry_address)
    async with running(alive) as (_, channel):
        stub = ExperimentServiceStub(channel)
        request = pb.CreateExperimentRequest(
            experiment_id="digits", experiment=an_experiment_message()
        )
        await stub.CreateExperiment(request)
        await stub.StartExperiment(pb.StartExperimentRequest(name=NAME))
    async with running(env) as (process, channel):
        concluding = await ExperimentServiceStub(channel).ConcludeExperiment(
            pb.ConcludeExperimentRequest(name=NAME, winner="challenger", force=True)
        )
        process.kill()

    async with running(alive) as (_, channel):
        watch = ExperimentServiceStub(channel).WatchExperiments(pb.WatchExperimentsRequest())
        async for step in watch:
            if step.experiment.state == pb.STATE_CONCLUDED:
                break

    assert concluding.state == pb.STATE_CONCLUDING
    assert registry.champion("digits") == 2
    assert registry.moves[0].evidence.verdict_digest == concluding.verdict.digest
    assert step.experiment.promoted_model_revision == registry.models["models/digits"].revision


async def test_a_term_signal_ends_it_with_status_0(tmp_path: Path, registry_address: str) -> None:
    async with running(environment(tmp_path, registry_address)) as (process, channel):
        watch = ExperimentServiceStub(channel).WatchExperiments(pb.WatchExperimentsRequest())
        assert (await watch.read()).HasField("synced")

        process.terminate()

        assert await process.wait() == 0


@pytest.mark.parametrize("missing", ["ALGOLINK_DATABASE_URL", "ALGOLINK_REGISTRY_ADDRESS"])
async def test_a_missing_setting_is_one_line_and_status_1(
    tmp_path: Path, registry_address: str, missing: str
) -> None:
    env = environment(tmp_path, registry_address)
    del env[missing]

    process = await spawn(env)
    _, told = await process.communicate()

    assert process.returncode == 1
    assert missing.encode() in told.splitlines()[-1]
