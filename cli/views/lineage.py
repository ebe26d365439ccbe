"""Graphs of lineage: a tree, DOT and Mermaid; and who used a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table
from rich.tree import Tree

from algolink.registry.v1 import lineage_pb2 as pb
from cli.views import text

Edges = Mapping[str, Sequence[tuple[str, str]]]
"""Of each node the nodes that follow, with the words between."""


def tree(graph: pb.LineageGraph, direction: str) -> Tree:
    """The graph as a tree from its start; what was shown before is only named."""
    nodes = {node.id: node for node in graph.nodes}
    start = graph.nodes[0].id
    made = _following(graph, upstream=False)
    sources = _following(graph, upstream=True)
    root = Tree(label(nodes[start]))
    if direction == "both":
        _grow(root.add("came from"), start, sources, nodes, {start})
        _grow(root.add("went into"), start, made, nodes, {start})
    else:
        _grow(root, start, sources if direction == "upstream" else made, nodes, {start})
    return root


def dot(graph: pb.LineageGraph) -> str:
    """The graph in the language of Graphviz; arrows go from what was made to its sources."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for node in graph.nodes:
        shape = "" if node.kind == pb.NODE_KIND_VERSION else ", shape=cylinder"
        lines.append(f"  {_quoted(node.id)} [label={_quoted(label(node))}{shape}];")
    for edge in graph.edges:
        relation = _quoted(edge.relation)
        lines.append(f"  {_quoted(edge.made)} -> {_quoted(edge.source)} [label={relation}];")
    return "\n".join([*lines, "}"])


def mermaid(graph: pb.LineageGraph) -> str:
    """The graph in the language of Mermaid; arrows go from what was made to its sources."""
    ids = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["graph LR"]
    for node in graph.nodes:
        opened, closed = ("[", "]") if node.kind == pb.NODE_KIND_VERSION else ("[(", ")]")
        escaped = label(node).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        lines.append(f'  {ids[node.id]}{opened}"{escaped}"{closed}')
    lines += [f'  {ids[e.made]} -- "{e.relation}" --> {ids[e.source]}' for e in graph.edges]
    return "\n".join(lines)


def users(found: Sequence[pb.DatasetUser]) -> Table:
    """Versions that used a dataset, and through which."""
    table = text.grid("VERSION", "ALIASES", "THROUGH")
    for user in found:
        through = [short(name) for name in user.path[1:]]
        table.add_row(
            short(user.version),
            ", ".join(user.aliases) or text.NOTHING,
            " <- ".join(through) or "itself",
        )
    return table


def label(node: pb.LineageNode) -> str:
    """A node for people.

    >>> label(pb.LineageNode(id="models/iris/versions/3", aliases=["champion"]))
    'iris/3 (champion)'
    """
    kind, _, name = node.id.partition(":")
    if not name:
        aliases = f" ({', '.join(node.aliases)})" if node.aliases else ""
        return f"{short(node.id)}{aliases}"
    where, at, digest = name.rpartition("@")
    named = f"{where}{at}{digest[:12]}" if where else digest[:12] if kind != "dataset" else digest
    rows = f", {node.row_count:,} rows" if node.row_count else ""
    return f"{kind} {named}{rows}{', changed since' if node.dirty else ''}"


def short(version: str) -> str:
    """`iris/3` for `models/iris/versions/3`."""
    return version.removeprefix("models/").replace("/versions/", "/")


def _grow(
    branch: Tree, at: str, edges: Edges, nodes: Mapping[str, pb.LineageNode], shown: set[str]
) -> None:
    for following, relation in edges.get(at, ()):
        again = following in shown and following in edges
        words = f"{relation}: {label(nodes[following])}{' (see above)' if again else ''}"
        grown = branch.add(words)
        if not again:
            shown.add(following)
            _grow(grown, following, edges, nodes, shown)


def _following(graph: pb.LineageGraph, *, upstream: bool) -> Edges:
    found: dict[str, list[tuple[str, str]]] = {}
    for made, source, relation in _edges(graph):
        at, following = (made, source) if upstream else (source, made)
        found.setdefault(at, []).append((following, relation))
    return found


def _edges(graph: pb.LineageGraph) -> Iterator[tuple[str, str, str]]:
    return ((edge.made, edge.source, edge.relation) for edge in graph.edges)


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
