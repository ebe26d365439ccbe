"""A policy whose service is killed again and again does each thing once."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from algolink.experiment.v1 import experiment_pb2, facts_pb2
from algolink.experiment.v1 import policies_pb2 as pb
from algolink.experiment.v1.experiment_pb2_grpc import ExperimentServiceStub
from algolink.experiment.v1.facts_pb2_grpc import FactServiceStub
from algolink.experiment.v1.policies_pb2_grpc import DecisionServiceStub, PolicyServiceStub
from tests.experiment_svc.builders import (
    an_experiment_message,
    an_exposure,
    exposure_message,
)
from tests.experiment_svc.processes import environment, running

pytestmark = pytest.mark.e2e

NAME = "experiments/digits"
SHARES = [2_000, 3_000, 4_000, 5_000]


async def begin(channel: grpc.aio.Channel) -> None:
    policy = pb.PolicyVersion(steps=[pb.PolicyStep(share_bp=share) for share in SHARES])
    await PolicyServiceStub(channel).CreatePolicy(
        pb.CreatePolicyRequest(policy_id="quick", policy=policy)
    )
    wanted = an_experiment_message()
    wanted.policy = "policies/quick"
    stub = ExperimentServiceStub(channel)
    await stub.CreateExperiment(
        experiment_pb2.CreateExperimentRequest(experiment_id="digits", experiment=wanted)
    )
    await stub.StartExperiment(experiment_pb2.StartExperimentRequest(name=NAME))


async def present(channel: grpc.aio.Channel) -> experiment_pb2.Experiment:
    request = experiment_pb2.GetExperimentRequest(name=NAME)
    found: experiment_pb2.Experiment = await ExperimentServiceStub(channel).GetExperiment(request)
    return found


async def expose(channel: grpc.aio.Channel, phase: int) -> None:
    """One unit in the phase: the policy moves on as soon as it sees it."""
    exposure = an_exposure(unit=f"unit-{phase}", phase=phase, at=datetime.now(UTC))
    await FactServiceStub(channel).RecordExposures(
        facts_pb2.RecordExposuresRequest(exposures=[exposure_message(exposure)], node="node-1")
    )


async def until_step(channel: grpc.aio.Channel, step: int) -> None:
    """Follows the experiment until so many steps are done."""
    watch = ExperimentServiceStub(channel).WatchExperiments(
        experiment_pb2.WatchExperimentsRequest()
    )
    async for seen in watch:
        if seen.experiment.policy_step >= step:
            return


async def test_each_step_is_taken_once_across_kills(tmp_path: Path, registry_address: str) -> None:
    env = environment(tmp_path, registry_address)
    generator = random.Random(9)
    async with running(env) as (process, channel):
        await begin(channel)
        await expose(channel, 1)
        await until_step(channel, 1)
        await expose(channel, 2)
        await asyncio.sleep(generator.uniform(0.0, 0.1))  # about when the next look acts
        process.kill()
    async with running(env) as (process, channel):
        await until_step(channel, 2)
        await expose(channel, 3)
        process.kill()

    async with running(env) as (_, channel):
        await until_step(channel, 3)
        await expose(channel, 4)
        await until_step(channel, 4)
        ended = await present(channel)
        stub = DecisionServiceStub(channel)
        listed = await stub.ListDecisions(pb.ListDecisionsRequest(experiment=NAME))
        replays = [
            await stub.ReplayDecision(pb.ReplayDecisionRequest(experiment=NAME, number=number))
            for number in range(1, 5)
        ]

    assert [one.number for one in listed.decisions] == [1, 2, 3, 4]
    assert {one.action for one in listed.decisions} == {pb.DECISION_ACTION_RAMP}
    shares = [phase.weights_bp["challenger"] for phase in ended.phases]
    assert shares == [1_000, *SHARES]
    assert all(replay.same for replay in replays)
