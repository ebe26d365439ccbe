"""Services of series and decisions for tests of client and command line."""

from __future__ import annotations

from typing import Any, Protocol

from algolink.experiment.v1 import policies_pb2, policies_pb2_grpc, series_pb2_grpc
from algolink.experiment.v1 import series_pb2 as pb


class World(Protocol):
    points: list[pb.ResultsPoint]

    def called(self, method: str, context: Any) -> None: ...


class Series(series_pb2_grpc.SeriesServiceServicer):
    """Tells what the test put into the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def GetResultsSeries(
        self, request: pb.GetResultsSeriesRequest, context: Any
    ) -> pb.ResultsSeries:
        self._world.called("GetResultsSeries", context)
        return pb.ResultsSeries(experiment=request.name, points=self._world.points)


class Decisions(policies_pb2_grpc.DecisionServiceServicer):
    """No policy has decided anything."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ListDecisions(
        self, request: policies_pb2.ListDecisionsRequest, context: Any
    ) -> policies_pb2.ListDecisionsResponse:
        self._world.called("ListDecisions", context)
        return policies_pb2.ListDecisionsResponse()
