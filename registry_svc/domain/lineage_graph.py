"""Versions and what they came from, as nodes and edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from algolink.errors import ResourceExhausted
from algolink.names import VersionName
from registry_svc.domain.lineage import DatasetUse, Lineage

MAX_NODES = 5_000


class NodeKind(StrEnum):
    """What a node is."""

    VERSION = "version"
    DATASET = "dataset"
    CODE = "code"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Node:
    """Something in a graph of lineage.

    Attributes:
        id: unique in the graph.
        aliases: that point at a version.
        row_count: of a dataset; 0 if nobody counted.
        dirty: whether code differed from its commit.
    """

    id: str
    kind: NodeKind
    aliases: tuple[str, ...] = ()
    row_count: int = 0
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """What `made` was made of, and how."""

    made: str
    source: str
    relation: str


@dataclass(frozen=True, slots=True)
class Graph:
    """What was reached from a start, which is the first node.

    Attributes:
        is_cut: whether it goes on where it was not followed.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    is_cut: bool


def dataset_id(use: DatasetUse) -> str:
    """Id of a dataset's node."""
    return f"dataset:{use.uri}@{use.digest}" if use.digest else f"dataset:{use.uri}"


def graph(
    start: Sequence[Node],
    reached: Iterable[VersionName],
    lineages: Mapping[VersionName, Lineage],
    aliases: Mapping[VersionName, tuple[str, ...]],
    *,
    is_cut: bool,
) -> Graph:
    """The graph of what was reached.

    Args:
        start: where it was begun: nodes of datasets; versions are the first reached.
        reached: versions, in the order in which they were.

    Raises:
        ResourceExhausted: GRAPH_TOO_LARGE.
    """
    versions = list(reached)
    nodes = {node.id: node for node in start}
    for version in versions:
        nodes[str(version)] = Node(str(version), NodeKind.VERSION, aliases.get(version, ()))
    edges: dict[Edge, None] = {}
    for version in versions:
        for node, relation in _sources(lineages.get(version)):
            if node.kind is NodeKind.VERSION and node.id not in nodes:
                continue  # beyond what was followed
            nodes.setdefault(node.id, node)
            edges[Edge(str(version), node.id, relation)] = None
    check_size(len(nodes))
    return Graph(tuple(nodes.values()), tuple(edges), is_cut)


def check_size(nodes: int) -> None:
    """Checks that so many nodes can be sent.

    Raises:
        ResourceExhausted: GRAPH_TOO_LARGE.
    """
    if nodes > MAX_NODES:
        raise ResourceExhausted(
            "GRAPH_TOO_LARGE",
            f"more than {MAX_NODES} nodes are reached: ask for fewer steps",
            limit=MAX_NODES,
        )


def _sources(lineage: Lineage | None) -> Iterable[tuple[Node, str]]:
    if lineage is None:
        return
    for parent in lineage.parents:
        yield Node(str(parent.version), NodeKind.VERSION), parent.relation.value
    for use in lineage.datasets:
        yield Node(dataset_id(use), NodeKind.DATASET, row_count=use.row_count), use.role
    if lineage.code is not None:
        commit = f"code:{lineage.code.repository}@{lineage.code.commit}"
        yield Node(commit, NodeKind.CODE, dirty=lineage.code.dirty), "built by"
    if lineage.environment_digest:
        locked = f"environment:{lineage.environment_digest}"
        yield Node(locked, NodeKind.ENVIRONMENT), "locked by"
