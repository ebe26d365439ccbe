"""A FleetService in memory, for the clients and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algolink import errors
from algolink.router.v1 import fleet_pb2 as pb
from algolink.router.v1 import fleet_pb2_grpc

if TYPE_CHECKING:
    from tests.algolink_client.fakes import World


class Fleet(fleet_pb2_grpc.FleetServiceServicer):
    """Two routers, an Envoy that refuses a route, and one that is away.

    Args:
        refuse: answers with an error.
    """

    def __init__(self, world: World, refuse: Any) -> None:
        self._world = world
        self._refuse = refuse
        self._away = [pb.RegisteredEnvoy(id="edge-2", acknowledged_table=3)]

    def GetFleet(self, request: pb.GetFleetRequest, context: Any) -> pb.Fleet:
        self._world.called("GetFleet", context)
        here = pb.RegisteredEnvoy(
            id="edge-1",
            router="router-1",
            acknowledged_table=4,
            rejection="weights must not be [bold]zero",
            refused_models=["iris"],
        )
        return pb.Fleet(
            answered_by="router-2",
            table=5,
            routers=[
                pb.RouterReplica(id="router-1", alive=True, composing=True),
                pb.RouterReplica(id="router-2", alive=True),
            ],
            envoys=[here, *self._away],
        )

    def RemoveEnvoy(self, request: pb.RemoveEnvoyRequest, context: Any) -> pb.RemoveEnvoyResponse:
        self._world.called("RemoveEnvoy", context)
        if request.id not in {envoy.id for envoy in self._away}:
            self._refuse(
                context,
                errors.NotFound(
                    "ENVOY_NOT_FOUND", f"no Envoy {request.id} is known", envoy=request.id
                ),
            )
        self._away.clear()
        return pb.RemoveEnvoyResponse()
