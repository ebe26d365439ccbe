"""Calls about exposures that were lost before they could be counted."""

from __future__ import annotations

from algolink.client.calls import Call
from algolink.client.experiments import experiment_name
from algolink.experiment.v1 import losses_pb2 as pb

_SERVICE = "/algolink.experiment.v1.LossService"


def unacknowledged() -> Call[pb.ListLossesResponse]:
    return Call(
        path=f"{_SERVICE}/ListLosses",
        request=pb.ListLossesRequest(),
        reply=pb.ListLossesResponse,
    )


def acknowledge(experiment: str, *, note: str) -> Call[pb.AcknowledgeLossesResponse]:
    return Call(
        path=f"{_SERVICE}/AcknowledgeLosses",
        request=pb.AcknowledgeLossesRequest(name=experiment_name(experiment), note=note),
        reply=pb.AcknowledgeLossesResponse,
    )
