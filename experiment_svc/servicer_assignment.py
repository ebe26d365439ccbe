"""AssignmentService: who is in which arm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, Final

import grpc

from algolink.assignment import Assignment, Plan, Standing, assign, assign_many
from algolink.errors import ResourceExhausted
from algolink.experiment.v1 import assignment_pb2 as pb
from algolink.experiment.v1 import assignment_pb2_grpc as rpc
from algolink.names import ExperimentName
from chassis import errors, watch
from experiment_svc.assigning import Plans

Context = grpc.aio.ServicerContext[Any, Any]

MAX_UNITS: Final = 100_000


class AssignmentServicer(rpc.AssignmentServiceServicer):
    """Answers from the plans in memory."""

    def __init__(self, plans: Plans, draining: asyncio.Event) -> None:
        """Streams end once `draining` is set."""
        self._plans = plans
        self._draining = draining

    async def Assign(self, request: pb.AssignRequest, context: Context) -> pb.Assignment:
        plan = await self._plans.get(ExperimentName.parse(request.experiment))
        return _to_proto(plan, request.unit, assign(plan, request.unit))

    async def AssignUnits(
        self, request: pb.AssignUnitsRequest, context: Context
    ) -> pb.AssignUnitsResponse:
        return await self._assign_units(request)

    async def StreamAssignments(
        self, request_iterator: AsyncIterable[pb.AssignUnitsRequest], context: Context
    ) -> AsyncIterator[pb.AssignUnitsResponse]:
        async for request in watch.until_set(request_iterator, self._draining):
            yield await self._assign_units(request)
        if self._draining.is_set():
            raise errors.draining()

    async def _assign_units(self, request: pb.AssignUnitsRequest) -> pb.AssignUnitsResponse:
        name = ExperimentName.parse(request.experiment)
        if len(request.units) > MAX_UNITS:
            raise ResourceExhausted(
                "BATCH_TOO_LARGE",
                f"there are {len(request.units)} units: at most {MAX_UNITS} at a time",
                units=len(request.units),
                limit=MAX_UNITS,
            )
        plan = await self._plans.get(name)
        indexes = assign_many(plan, request.units)
        return pb.AssignUnitsResponse(
            arms=[pb.AssignedArm(id=arm, version=number) for arm, number in plan.versions.items()],
            arm_indexes=indexes.tolist(),
            phase=plan.phase,
            revision=plan.revision,
        )


def _to_proto(plan: Plan, unit: str, found: Assignment) -> pb.Assignment:
    segment = found.segment
    return pb.Assignment(
        experiment=f"experiments/{plan.experiment}",
        unit=unit,
        arm=found.arm,
        version=found.version,
        bucket=found.bucket,
        segment_start=segment.start if segment else 0,
        segment_end=segment.end if segment else 0,
        phase=plan.phase,
        revision=plan.revision,
        reason=_reason(plan, found),
    )


def _reason(plan: Plan, found: Assignment) -> str:
    if found.standing is Standing.SETTLED or found.segment is None:
        return f"the experiment is concluded: its winner, {found.arm}, is everybody's"
    return (
        f"bucket {found.bucket} under salt {plan.salt} is in [{found.segment.start}, "
        f"{found.segment.end}), which phase {plan.phase} gives to {found.arm}"
    )
