"""MetricService: definitions that never change."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc

from algolink.experiment.v1 import metrics_pb2 as pb
from algolink.experiment.v1 import metrics_pb2_grpc as rpc
from algolink.names import MetricName
from experiment_svc import convert, convert_measures, records_metrics
from experiment_svc.domain.definitions import Definition, DefinitionKind
from experiment_svc.store import Store

Context = grpc.aio.ServicerContext[Any, Any]


class MetricServicer(rpc.MetricServiceServicer):
    """Metrics over a store.

    Args:
        now: the clock; UTC.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def CreateMetric(
        self, request: pb.CreateMetricRequest, context: Context
    ) -> pb.MetricVersion:
        metric = convert_measures.metric_from_proto(request.metric_id, request.metric)
        body = json.dumps(records_metrics.dump(metric), sort_keys=True, separators=(",", ":"))
        async with self._store.transaction() as tx:
            added = await tx.add_definition(
                DefinitionKind.METRIC, metric.name, body, at=self._now()
            )
        return _to_proto(added)

    async def GetMetric(self, request: pb.GetMetricRequest, context: Context) -> pb.MetricVersion:
        name = MetricName.parse(request.name)
        async with self._store.reading() as reading:
            found = await reading.get_definition(DefinitionKind.METRIC, name.metric, name.version)
        return _to_proto(found)

    async def ListMetrics(
        self, request: pb.ListMetricsRequest, context: Context
    ) -> pb.ListMetricsResponse:
        metric = MetricName.parse(request.metric).metric if request.metric else ""
        async with self._store.reading() as reading:
            found = await reading.list_definitions(DefinitionKind.METRIC, metric)
        return pb.ListMetricsResponse(metrics=[_to_proto(definition) for definition in found])


def _to_proto(definition: Definition) -> pb.MetricVersion:
    metric = records_metrics.load(json.loads(definition.body), version=definition.version)
    message = convert_measures.metric_to_proto(metric)
    message.create_time.CopyFrom(convert.time_to_proto(definition.create_time))
    return message
