"""Lineage <-> its messages."""

from __future__ import annotations

from datetime import datetime

from algolink.errors import InvalidArgument
from algolink.names import VersionName
from algolink.registry.v1 import lineage_pb2 as pb
from registry_svc.domain.lineage import (
    Code,
    Column,
    DatasetUse,
    Lineage,
    Parent,
    Relation,
    Run,
)
from registry_svc.domain.lineage_graph import Graph, NodeKind

_RELATIONS = {
    pb.RELATION_FINE_TUNED_FROM: Relation.FINE_TUNED_FROM,
    pb.RELATION_CONVERTED_FROM: Relation.CONVERTED_FROM,
    pb.RELATION_ENSEMBLE_OF: Relation.ENSEMBLE_OF,
    pb.RELATION_DISTILLED_FROM: Relation.DISTILLED_FROM,
}
_TO_RELATION = {relation: number for number, relation in _RELATIONS.items()}
_TO_KIND = {
    NodeKind.VERSION: pb.NODE_KIND_VERSION,
    NodeKind.DATASET: pb.NODE_KIND_DATASET,
    NodeKind.CODE: pb.NODE_KIND_CODE,
    NodeKind.ENVIRONMENT: pb.NODE_KIND_ENVIRONMENT,
}


def lineage_from_proto(message: pb.Lineage, *, recorder: str, at: datetime) -> Lineage:
    """What a caller wants to record, not yet checked.

    Raises:
        InvalidArgument: VERSION_NAME_INVALID or LINEAGE_INVALID.
    """
    code, run = message.code, message.run
    return Lineage(
        version=VersionName.parse(message.version),
        datasets=tuple(_dataset(use) for use in message.datasets),
        code=Code(repository=code.repository, commit=code.commit, dirty=code.dirty)
        if message.HasField("code")
        else None,
        run=Run(id=run.id, parameters=dict(run.parameters), metrics=dict(run.metrics))
        if message.HasField("run")
        else None,
        parents=tuple(
            Parent(VersionName.parse(parent.version), _relation(number, parent.relation))
            for number, parent in enumerate(message.parents)
        ),
        environment_digest=message.environment_digest,
        recorder=recorder,
        record_time=at,
    )


def lineage_to_proto(lineage: Lineage) -> pb.Lineage:
    message = pb.Lineage(
        version=str(lineage.version),
        datasets=[
            pb.DatasetUse(
                uri=use.uri,
                digest=use.digest,
                role=use.role,
                row_count=use.row_count,
                columns=[pb.DatasetColumn(name=c.name, type=c.type) for c in use.columns],
            )
            for use in lineage.datasets
        ],
        parents=[
            pb.Parent(version=str(parent.version), relation=_TO_RELATION[parent.relation])
            for parent in lineage.parents
        ],
        environment_digest=lineage.environment_digest,
        recorder=lineage.recorder,
    )
    message.record_time.FromDatetime(lineage.record_time)
    if lineage.code is not None:
        message.code.repository = lineage.code.repository
        message.code.commit = lineage.code.commit
        message.code.dirty = lineage.code.dirty
    if lineage.run is not None:
        message.run.id = lineage.run.id
        message.run.parameters.update(lineage.run.parameters)
        message.run.metrics.update(lineage.run.metrics)
        message.run.SetInParent()
    return message


def graph_to_proto(graph: Graph) -> pb.LineageGraph:
    return pb.LineageGraph(
        nodes=[
            pb.LineageNode(
                id=node.id,
                kind=_TO_KIND[node.kind],
                aliases=node.aliases,
                row_count=node.row_count,
                dirty=node.dirty,
            )
            for node in graph.nodes
        ],
        edges=[
            pb.LineageEdge(made=edge.made, source=edge.source, relation=edge.relation)
            for edge in graph.edges
        ],
        cut=graph.is_cut,
    )


def _dataset(use: pb.DatasetUse) -> DatasetUse:
    return DatasetUse(
        uri=use.uri,
        digest=use.digest,
        role=use.role or "training",
        row_count=use.row_count,
        columns=tuple(Column(column.name, column.type) for column in use.columns),
    )


def _relation(number: int, relation: int) -> Relation:
    found = _RELATIONS.get(relation)  # type: ignore[call-overload]  # an enum is an int here
    if found is None:
        place = f"parents[{number}].relation"
        raise InvalidArgument("LINEAGE_INVALID", f"{place}: {relation} is no relation", place=place)
    known: Relation = found
    return known
