"""The service that says who is in which arm, over the experiments that the world knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

from algolink import split
from algolink.assignment import Plan, assign, assign_many
from algolink.client.plans import plan_of
from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import assignment_pb2, assignment_pb2_grpc

Context = Any


class Assigner(assignment_pb2_grpc.AssignmentServiceServicer):
    """Assigns by the arms' weights; running experiments only."""

    def __init__(self, world: Any, refuse: Callable[[Context, AlgoLinkError], NoReturn]) -> None:
        self._world = world
        self._refuse = refuse

    def Assign(
        self, request: assignment_pb2.AssignRequest, context: Context
    ) -> assignment_pb2.Assignment:
        self._world.called("Assign", context)
        try:
            found = assign(self._plan(request.experiment), request.unit)
        except AlgoLinkError as error:
            self._refuse(context, error)
        return assignment_pb2.Assignment(
            experiment=request.experiment,
            unit=request.unit,
            arm=found.arm,
            version=found.version,
            bucket=found.bucket,
            reason="its bucket",
        )

    def AssignUnits(
        self, request: assignment_pb2.AssignUnitsRequest, context: Context
    ) -> assignment_pb2.AssignUnitsResponse:
        self._world.called("AssignUnits", context)
        plan = self._plan(request.experiment)
        return assignment_pb2.AssignUnitsResponse(
            arms=[assignment_pb2.AssignedArm(id=arm) for arm in plan.versions],
            arm_indexes=assign_many(plan, request.units).tolist(),
        )

    def _plan(self, name: str) -> Plan:
        experiment = self._world.experiments[name]
        table = split.allocate({arm.id: arm.weight_bp for arm in experiment.arms})
        return replace(plan_of(experiment), table=table)
