"""SeriesService: results over time."""

from __future__ import annotations

from typing import Any

import grpc

from algolink.experiment.v1 import series_pb2 as pb
from algolink.experiment.v1 import series_pb2_grpc as rpc
from algolink.names import ExperimentName
from experiment_svc import convert_series
from experiment_svc.store import Store

Context = grpc.aio.ServicerContext[Any, Any]


class SeriesServicer(rpc.SeriesServiceServicer):
    """Series over a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def GetResultsSeries(
        self, request: pb.GetResultsSeriesRequest, context: Context
    ) -> pb.ResultsSeries:
        name = ExperimentName.parse(request.name)
        async with self._store.reading() as reading:
            await reading.get_experiment(name)
            points = await reading.series_of(name)
        return pb.ResultsSeries(
            experiment=str(name),
            points=[convert_series.point_to_proto(point) for point in points],
        )
