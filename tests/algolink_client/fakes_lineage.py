"""The service that knows where versions came from, as they were recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from algolink.errors import AlgoLinkError, NotFound
from algolink.registry.v1 import lineage_pb2, lineage_pb2_grpc

Context = Any


class Lineages(lineage_pb2_grpc.LineageServiceServicer):
    """Keeps what was recorded, and follows it one step."""

    def __init__(self, world: Any, refuse: Callable[[Context, AlgoLinkError], NoReturn]) -> None:
        self._world = world
        self._refuse = refuse
        self._recorded: dict[str, lineage_pb2.Lineage] = {}

    def RecordLineage(
        self, request: lineage_pb2.RecordLineageRequest, context: Context
    ) -> lineage_pb2.Lineage:
        self._world.called("RecordLineage", context)
        self._recorded[request.lineage.version] = request.lineage
        return request.lineage

    def GetLineage(
        self, request: lineage_pb2.GetLineageRequest, context: Context
    ) -> lineage_pb2.Lineage:
        self._world.called("GetLineage", context)
        if request.version not in self._recorded:
            self._refuse(context, NotFound("LINEAGE_NOT_RECORDED", "nobody recorded it"))
        return self._recorded[request.version]

    def TraceLineage(
        self, request: lineage_pb2.TraceLineageRequest, context: Context
    ) -> lineage_pb2.LineageGraph:
        self._world.called("TraceLineage", context)
        graph = lineage_pb2.LineageGraph(cut=request.depth == 1)
        graph.nodes.add(id=request.start, kind=lineage_pb2.NODE_KIND_VERSION)
        found = self._recorded.get(request.start, lineage_pb2.Lineage())
        for parent in found.parents:
            graph.nodes.add(id=parent.version, kind=lineage_pb2.NODE_KIND_VERSION)
            graph.edges.add(made=request.start, source=parent.version, relation="fine-tuned from")
        for use in found.datasets:
            name = f"dataset:{use.uri}"
            graph.nodes.add(id=name, kind=lineage_pb2.NODE_KIND_DATASET, row_count=use.row_count)
            graph.edges.add(made=request.start, source=name, relation=use.role or "training")
        return graph

    def FindDatasetUsers(
        self, request: lineage_pb2.FindDatasetUsersRequest, context: Context
    ) -> lineage_pb2.FindDatasetUsersResponse:
        self._world.called("FindDatasetUsers", context)
        return lineage_pb2.FindDatasetUsersResponse(
            users=[
                lineage_pb2.DatasetUser(version=name, aliases=["champion"], path=[name])
                for name, lineage in self._recorded.items()
                if any(use.uri == request.uri for use in lineage.datasets)
            ]
        )
