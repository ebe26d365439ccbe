"""Policies and their decisions, for the asyncio client."""

from __future__ import annotations

from collections.abc import Sequence

from algolink.client import experiments, policies, series
from algolink.client.aio_transport import AioTransport
from algolink.client.experiments import Analysis, Arm, Metric
from algolink.client.metrics import Use
from algolink.client.policies import Policy
from algolink.experiment.v1 import plans_pb2, policies_pb2, series_pb2


class AsyncPolicies:
    """What is done without being asked, and what it will need; `AsyncClient.policies`."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def create(self, name: str, policy: Policy) -> policies_pb2.PolicyVersion:
        """Defines a policy, or its next version; the same again changes nothing.

        Raises:
            InvalidArgument: POLICY_INVALID.
        """
        return await self._transport.unary(policies.create(name, policy), self._timeout_s)

    async def get(self, name: str) -> policies_pb2.PolicyVersion:
        """The newest version of `careful`, or the one that `careful@2` names."""
        return await self._transport.unary(policies.get(name), self._timeout_s)

    async def decisions(self, experiment: str, *, after: int = 0) -> list[policies_pb2.Decision]:
        """What an experiment's policy did, or waits with, the oldest first."""
        call = policies.decisions(experiment, after=after)
        found = await self._transport.unary(call, self._timeout_s)
        return [*found.decisions]

    async def course(self, experiment: str) -> series_pb2.ResultsSeries:
        """Results over time, the oldest first: what decisions saw, and when.

        Raises:
            NotFound: EXPERIMENT_NOT_FOUND.
        """
        return await self._transport.unary(series.results(experiment), self._timeout_s)

    async def replay(self, experiment: str, number: int = 0) -> policies_pb2.Replay:
        """Computes a decision, or the last, again from the facts of its moment."""
        return await self._transport.unary(policies.replay(experiment, number), self._timeout_s)

    async def approve(self, experiment: str, what: str = "") -> str:
        """Lets the policy do what it waits with; returns what that is.

        Args:
            experiment: its name.
            what: the experiment's `awaiting_approval` as last seen; empty approves
                whatever waits.

        Raises:
            FailedPrecondition: NOTHING_TO_APPROVE or APPROVAL_DISAGREES.
        """
        call = policies.approve(experiment, what)
        return (await self._transport.unary(call, self._timeout_s)).approved

    async def plan(
        self,
        *,
        model: str,
        arms: Sequence[Arm],
        metric: Metric | None = None,
        metrics: Sequence[Use] = (),
        unit: str = "header",
        analysis: Analysis | None = None,
        power: float = 0.8,
        deviation: float = 0.0,
        units_per_day: float = 0.0,
    ) -> plans_pb2.Plan:
        """What an experiment will need, before it is made.

        Args:
            model: whose traffic would be split; the others as in `create_experiment`.
            arms: the first is the control.
            metric: what would decide, defined here; it has no minimum effect to plan for.
            metrics: what would be measured.
            unit: `header` or `request`.
            analysis: what the statistics rest on.
            power: probability of finding the primary metric's minimum effect.
            deviation: of a unit's value; 0 takes it from the model's newest experiment.
            units_per_day: new ones; 0 takes it from there, too.

        Raises:
            InvalidArgument: PLAN_IMPOSSIBLE, with what is missing.
        """
        asked = experiments.wanted(
            model=model,
            arms=arms,
            metric=metric,
            metrics=metrics,
            unit=unit,
            analysis=analysis,
            rule=None,
            description="",
            allow_incompatible=False,
            policy="",
        )
        call = policies.plan(asked, power=power, deviation=deviation, units_per_day=units_per_day)
        return await self._transport.unary(call, self._timeout_s)

    async def list(self, name: str | None = None) -> list[policies_pb2.PolicyVersion]:
        """The newest version of every policy, or all versions of one, newest first."""
        found = await self._transport.unary(policies.list_all(name), self._timeout_s)
        return [*found.policies]
