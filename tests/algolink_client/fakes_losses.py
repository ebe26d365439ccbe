"""A loss service for tests of client and command line."""

from __future__ import annotations

from typing import Any, Protocol

from algolink.experiment.v1 import losses_pb2 as pb
from algolink.experiment.v1 import losses_pb2_grpc


class World(Protocol):
    losses: list[pb.Loss]

    def called(self, method: str, context: Any) -> None: ...


class Losses(losses_pb2_grpc.LossServiceServicer):
    """Keeps what the test put into the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ListLosses(self, request: pb.ListLossesRequest, context: Any) -> pb.ListLossesResponse:
        self._world.called("ListLosses", context)
        found = [loss for loss in self._world.losses if not loss.acknowledged_by]
        return pb.ListLossesResponse(losses=found)

    def AcknowledgeLosses(
        self, request: pb.AcknowledgeLossesRequest, context: Any
    ) -> pb.AcknowledgeLossesResponse:
        self._world.called("AcknowledgeLosses", context)
        taken = [loss for loss in self._world.losses if loss.experiment == request.name]
        for loss in taken:
            loss.acknowledged_by, loss.note = "admin", request.note
            loss.acknowledge_time.GetCurrentTime()
        return pb.AcknowledgeLossesResponse(losses=taken)
