from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import pytest

from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import experiment_pb2
from algolink.experiment.v1 import policies_pb2 as pb
from algolink.experiment.v1.experiment_pb2_grpc import ExperimentServiceStub
from algolink.experiment.v1.policies_pb2_grpc import DecisionServiceStub, PolicyServiceStub
from chassis import errors
from experiment_svc.deciding import Decider
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import FakeClock, an_experiment_message, an_exposure

HOUR_MS = 3_600_000
NAME = "experiments/digits"


async def refusal(call: Awaitable[Any]) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc_error(caught.value)


async def define(stub: PolicyServiceStub, **fields: Any) -> pb.PolicyVersion:
    made: pb.PolicyVersion = await stub.CreatePolicy(
        pb.CreatePolicyRequest(policy_id="careful", policy=pb.PolicyVersion(**fields))
    )
    return made


async def run(stub: ExperimentServiceStub, policy: str) -> experiment_pb2.Experiment:
    wanted = an_experiment_message()
    wanted.policy = policy
    await stub.CreateExperiment(
        experiment_pb2.CreateExperimentRequest(experiment_id="digits", experiment=wanted)
    )
    started: experiment_pb2.Experiment = await stub.StartExperiment(
        experiment_pb2.StartExperimentRequest(name=NAME)
    )
    return started


async def test_a_policy_comes_back_as_it_was_given_with_its_defaults(
    policy_stub: PolicyServiceStub,
) -> None:
    given = {
        "steps": [pb.PolicyStep(share_bp=5_000, hold_ms=HOUR_MS, min_units_per_arm=500)],
        "promote": pb.PROMOTE_WHEN_SUPERIOR,
        "approvals": [pb.DECISION_ACTION_PROMOTE, pb.DECISION_ACTION_RAMP],
        "freezes": [pb.PolicyFreeze(days=[4, 5], start_minute=960, minutes=1_440)],
        "max_duration_ms": 24 * HOUR_MS,
    }

    made = await define(policy_stub, **given)
    again = await define(policy_stub, **given)
    other = await define(policy_stub, promote=pb.PROMOTE_WHEN_NEVER)

    assert made.name == "policies/careful/versions/1"
    assert (made.steps, made.freezes) == (given["steps"], given["freezes"])
    assert sorted(made.approvals) == [pb.DECISION_ACTION_RAMP, pb.DECISION_ACTION_PROMOTE]
    assert (made.min_units_per_arm, made.max_age_ms) == (100, 600_000)
    assert made.guardrails == pb.GUARD_WHEN_CLEAR
    assert again == made
    assert other.name == "policies/careful/versions/2"
    listed = await policy_stub.ListPolicies(pb.ListPoliciesRequest(policy="policies/careful"))
    assert list(listed.policies) == [other, made]
    read = await policy_stub.GetPolicy(pb.GetPolicyRequest(name="policies/careful"))
    assert read == other


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"steps": [pb.PolicyStep(share_bp=0)]}, "steps"),
        ({"promote": 9}, "promote"),
        ({"guardrails": 9}, "guardrails"),
        ({"approvals": [pb.DECISION_ACTION_UNSPECIFIED]}, "approvals"),
        ({"max_duration_ms": 2**62}, "max_duration_ms"),
        ({"max_age_ms": -1}, "max_age"),
    ],
)
async def test_a_policy_that_means_nothing_is_refused(
    policy_stub: PolicyServiceStub, fields: dict[str, Any], field: str
) -> None:
    error = await refusal(define(policy_stub, **fields))

    assert (error.reason, error.metadata["field"]) == ("POLICY_INVALID", field)


async def test_an_experiment_keeps_the_version_of_its_policy(
    policy_stub: PolicyServiceStub, experiment_stub: ExperimentServiceStub
) -> None:
    await define(policy_stub, steps=[pb.PolicyStep(share_bp=5_000)])

    started = await run(experiment_stub, "policies/careful")

    assert (started.policy, started.policy_step) == ("policies/careful/versions/1", 0)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("policies/none", "POLICY_NOT_FOUND"),
        ("careful", "POLICY_NAME_INVALID"),
        ("policies/careful/versions/1", "POLICY_UNFIT"),
    ],
)
async def test_a_policy_that_cannot_be_is_refused(
    policy_stub: PolicyServiceStub,
    experiment_stub: ExperimentServiceStub,
    policy: str,
    reason: str,
) -> None:
    await define(policy_stub, futility=True)

    assert (await refusal(run(experiment_stub, policy))).reason == reason


async def test_what_waits_is_shown_approved_done_and_replayed(
    policy_stub: PolicyServiceStub,
    decision_stub: DecisionServiceStub,
    experiment_stub: ExperimentServiceStub,
    memory_store: MemoryStore,
    clock: FakeClock,
) -> None:
    await define(
        policy_stub,
        steps=[pb.PolicyStep(share_bp=5_000)],
        approvals=[pb.DECISION_ACTION_RAMP],
    )
    await run(experiment_stub, "policies/careful")
    decider = Decider(memory_store, clock)
    approve = pb.ApproveDecisionRequest(experiment=NAME)
    early = await refusal(decision_stub.ApproveDecision(approve))
    async with memory_store.transaction() as tx:
        await tx.add_exposures([an_exposure(at=clock.advance(minutes=1))], node="node-1")

    await decider.look_once()
    waiting = await experiment_stub.GetExperiment(experiment_pb2.GetExperimentRequest(name=NAME))
    other = await refusal(
        decision_stub.ApproveDecision(
            pb.ApproveDecisionRequest(experiment=NAME, what="promote challenger")
        )
    )
    approved = await decision_stub.ApproveDecision(
        pb.ApproveDecisionRequest(experiment=NAME, what=waiting.awaiting_approval)
    )
    clock.now += timedelta(seconds=1)
    await decider.look_once()

    assert early.reason == "NOTHING_TO_APPROVE"
    assert waiting.awaiting_approval == "ramp champion=5000 challenger=5000"
    assert other.reason == "APPROVAL_DISAGREES"
    assert approved.approved == waiting.awaiting_approval
    listed = await decision_stub.ListDecisions(pb.ListDecisionsRequest(experiment=NAME))
    assert [(one.action, one.waits) for one in listed.decisions] == [
        (pb.DECISION_ACTION_RAMP, True),
        (pb.DECISION_ACTION_RAMP, False),
    ]
    later = await decision_stub.ListDecisions(pb.ListDecisionsRequest(experiment=NAME, after=1))
    assert list(later.decisions) == list(listed.decisions)[1:]
    replay = await decision_stub.ReplayDecision(pb.ReplayDecisionRequest(experiment=NAME))
    assert replay.same
    assert replay.decision == listed.decisions[1]
    ramped = await experiment_stub.GetExperiment(experiment_pb2.GetExperimentRequest(name=NAME))
    assert [arm.weight_bp for arm in ramped.arms] == [5_000, 5_000]
    assert ramped.policy_step == 1


async def test_decisions_of_nothing_are_not_found(decision_stub: DecisionServiceStub) -> None:
    listing = await refusal(
        decision_stub.ListDecisions(pb.ListDecisionsRequest(experiment="experiments/none"))
    )
    replaying = await refusal(
        decision_stub.ReplayDecision(pb.ReplayDecisionRequest(experiment="experiments/none"))
    )

    assert listing.reason == replaying.reason == "EXPERIMENT_NOT_FOUND"
