"""PolicyService and DecisionService: what is done without being asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc

from algolink.experiment.v1 import policies_pb2 as pb
from algolink.experiment.v1 import policies_pb2_grpc as rpc
from algolink.names import ExperimentName, PolicyName
from experiment_svc import convert, convert_policies, policing, records_policies
from experiment_svc.domain import progress
from experiment_svc.domain.definitions import Definition, DefinitionKind
from experiment_svc.store import Store

Context = grpc.aio.ServicerContext[Any, Any]


class PolicyServicer(rpc.PolicyServiceServicer):
    """Policies over a store.

    Args:
        now: the clock; UTC.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def CreatePolicy(
        self, request: pb.CreatePolicyRequest, context: Context
    ) -> pb.PolicyVersion:
        policy = convert_policies.policy_from_proto(request.policy_id, request.policy)
        body = json.dumps(records_policies.dump(policy), sort_keys=True, separators=(",", ":"))
        async with self._store.transaction() as tx:
            added = await tx.add_definition(
                DefinitionKind.POLICY, policy.name, body, at=self._now()
            )
        return _to_proto(added)

    async def GetPolicy(self, request: pb.GetPolicyRequest, context: Context) -> pb.PolicyVersion:
        name = PolicyName.parse(request.name)
        async with self._store.reading() as reading:
            found = await reading.get_definition(DefinitionKind.POLICY, name.policy, name.version)
        return _to_proto(found)

    async def ListPolicies(
        self, request: pb.ListPoliciesRequest, context: Context
    ) -> pb.ListPoliciesResponse:
        policy = PolicyName.parse(request.policy).policy if request.policy else ""
        async with self._store.reading() as reading:
            found = await reading.list_definitions(DefinitionKind.POLICY, policy)
        return pb.ListPoliciesResponse(policies=[_to_proto(definition) for definition in found])


class DecisionServicer(rpc.DecisionServiceServicer):
    """Decisions over a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ListDecisions(
        self, request: pb.ListDecisionsRequest, context: Context
    ) -> pb.ListDecisionsResponse:
        name = ExperimentName.parse(request.experiment)
        async with self._store.reading() as reading:
            await reading.get_experiment(name)
            found = await reading.list_decisions(name, after=max(0, request.after))
        return pb.ListDecisionsResponse(
            decisions=[convert_policies.decision_to_proto(decision) for decision in found]
        )

    async def ReplayDecision(
        self, request: pb.ReplayDecisionRequest, context: Context
    ) -> pb.Replay:
        name = ExperimentName.parse(request.experiment)
        async with self._store.reading() as reading:
            await reading.get_experiment(name)
            decision = await reading.get_decision(name, request.number)
            replayed = await policing.replay(reading, decision)
        return convert_policies.replay_to_proto(replayed)

    async def ApproveDecision(
        self, request: pb.ApproveDecisionRequest, context: Context
    ) -> pb.ApproveDecisionResponse:
        name = ExperimentName.parse(request.experiment)
        async with self._store.transaction() as tx:
            experiment = await tx.get_experiment(name)
            approved = progress.approve(experiment, request.what)
            if approved is not experiment:
                approved = await tx.put_experiment(approved)
        return pb.ApproveDecisionResponse(approved=approved.approved)


def _to_proto(definition: Definition) -> pb.PolicyVersion:
    policy = records_policies.load(json.loads(definition.body), version=definition.version)
    message = convert_policies.policy_to_proto(policy)
    message.create_time.CopyFrom(convert.time_to_proto(definition.create_time))
    return message
