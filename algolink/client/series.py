"""Calls about results over time."""

from __future__ import annotations

from algolink.client.calls import Call
from algolink.client.experiments import experiment_name
from algolink.experiment.v1 import series_pb2 as pb


def results(experiment: str) -> Call[pb.ResultsSeries]:
    return Call(
        path="/algolink.experiment.v1.SeriesService/GetResultsSeries",
        request=pb.GetResultsSeriesRequest(name=experiment_name(experiment)),
        reply=pb.ResultsSeries,
    )
