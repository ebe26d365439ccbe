"""Calls about routers and Envoys."""

from __future__ import annotations

from algolink.client.calls import Call
from algolink.router.v1 import fleet_pb2 as pb

_SERVICE = "/algolink.router.v1.FleetService"


def get() -> Call[pb.Fleet]:
    return Call(path=f"{_SERVICE}/GetFleet", request=pb.GetFleetRequest(), reply=pb.Fleet)


def remove_envoy(envoy: str) -> Call[pb.RemoveEnvoyResponse]:
    return Call(
        path=f"{_SERVICE}/RemoveEnvoy",
        request=pb.RemoveEnvoyRequest(id=envoy),
        reply=pb.RemoveEnvoyResponse,
        idempotent=False,
    )
