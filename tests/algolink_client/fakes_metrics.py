"""A metric service that remembers what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from algolink import errors
from algolink.experiment.v1 import metrics_pb2 as pb
from algolink.experiment.v1 import metrics_pb2_grpc as rpc
from algolink.names import MetricName


class World(Protocol):
    def called(self, method: str, context: Any) -> None: ...


class Metrics(rpc.MetricServiceServicer):
    def __init__(self, world: World, refuse: Callable[[Any, errors.AlgoLinkError], None]) -> None:
        self._world = world
        self._refuse = refuse
        self._versions: dict[str, list[pb.MetricVersion]] = {}

    def CreateMetric(self, request: pb.CreateMetricRequest, context: Any) -> pb.MetricVersion:
        self._world.called("CreateMetric", context)
        versions = self._versions.setdefault(request.metric_id, [])
        made = pb.MetricVersion()
        made.CopyFrom(request.metric)
        made.outcome = made.outcome or request.metric_id
        made.name = str(MetricName(request.metric_id, len(versions) + 1))
        versions.append(made)
        return made

    def GetMetric(self, request: pb.GetMetricRequest, context: Any) -> pb.MetricVersion:
        self._world.called("GetMetric", context)
        name = MetricName.parse(request.name)
        versions = self._versions.get(name.metric, [])
        if not 0 <= name.version <= len(versions) or not versions:
            self._refuse(context, errors.NotFound("METRIC_NOT_FOUND", f"there is no {name}"))
        return versions[name.version - 1]

    def ListMetrics(self, request: pb.ListMetricsRequest, context: Any) -> pb.ListMetricsResponse:
        self._world.called("ListMetrics", context)
        if request.metric:
            name = MetricName.parse(request.metric).metric
            return pb.ListMetricsResponse(metrics=self._versions.get(name, [])[::-1])
        newest = [versions[-1] for _, versions in sorted(self._versions.items())]
        return pb.ListMetricsResponse(metrics=newest)
