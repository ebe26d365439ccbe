"""`algolink lineage`, and lineage on pushes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from algolink.registry.v1 import lineage_pb2 as pb
from cli.lineage_file import EXAMPLE
from cli.views import lineage as views
from tests.cli.conftest import Run

GRAPH = pb.LineageGraph(
    nodes=[
        pb.LineageNode(
            id="models/churn/versions/7", kind=pb.NODE_KIND_VERSION, aliases=["champion"]
        ),
        pb.LineageNode(id="models/churn/versions/6", kind=pb.NODE_KIND_VERSION),
        pb.LineageNode(id="models/base/versions/1", kind=pb.NODE_KIND_VERSION),
        pb.LineageNode(
            id=f"dataset:s3://lake/a@{'ab' * 32}", kind=pb.NODE_KIND_DATASET, row_count=1_204
        ),
        pb.LineageNode(id='code:https://x/"q"@4f2a9c1', kind=pb.NODE_KIND_CODE, dirty=True),
        pb.LineageNode(id=f"environment:{'cd' * 32}", kind=pb.NODE_KIND_ENVIRONMENT),
    ],
    edges=[
        pb.LineageEdge(made=made, source=source, relation=relation)
        for made, source, relation in (
            ("models/churn/versions/7", "models/churn/versions/6", "fine-tuned from"),
            ("models/churn/versions/7", "models/base/versions/1", "ensemble of"),
            ("models/churn/versions/6", "models/base/versions/1", "converted from"),
            ("models/base/versions/1", f"dataset:s3://lake/a@{'ab' * 32}", "training"),
            ("models/churn/versions/7", 'code:https://x/"q"@4f2a9c1', "built by"),
            ("models/churn/versions/7", f"environment:{'cd' * 32}", "locked by"),
        )
    ],
)


@pytest.fixture
def lineage_file(tmp_path: Path) -> str:
    path = tmp_path / "lineage.yaml"
    path.write_text(EXAMPLE)
    return str(path)


def test_a_tree_shows_each_thing_once_and_whole_names_for_people() -> None:
    console = Console(width=100, record=True)
    with console.capture() as captured:
        console.print(views.tree(GRAPH, "upstream"))

    lines = [line.lstrip("│├└─ ") for line in captured.get().splitlines()]
    assert lines == [
        "churn/7 (champion)",
        "fine-tuned from: churn/6",
        "converted from: base/1",
        "training: dataset s3://lake/a@abababababab, 1,204 rows",
        "ensemble of: base/1 (see above)",
        'built by: code https://x/"q"@4f2a9c1, changed since',
        "locked by: environment cdcdcdcdcdcd",
    ]


def test_dot_quotes_what_it_must() -> None:
    drawn = views.dot(GRAPH)

    assert drawn.startswith("digraph lineage {")
    assert drawn.endswith("}")
    assert r'"code:https://x/\"q\"@4f2a9c1"' in drawn
    edge = '"models/churn/versions/7" -> "models/churn/versions/6" [label="fine-tuned from"];'
    assert edge in drawn


def test_mermaid_names_nodes_by_number() -> None:
    drawn = views.mermaid(GRAPH).splitlines()

    assert drawn[0] == "graph LR"
    assert '  n0["churn/7 (champion)"]' in drawn
    assert '  n0 -- "fine-tuned from" --> n1' in drawn
    assert any("&quot;q&quot;" in line for line in drawn)


def test_a_push_can_say_where_it_came_from(connected: Run, onnx: str, lineage_file: str) -> None:
    connected("model", "push", onnx, "--name", "churn", "--lineage", lineage_file)

    done = connected("lineage", "churn/1", "--upstream")
    drawn = connected("lineage", "churn/1", "--draw", "mermaid")

    assert "fine-tuned from: churn/6" in done.out
    assert "1,204,000 rows" in done.out
    assert drawn.out.startswith("graph LR")


def test_a_lineage_is_recorded_later(connected: Run, onnx: str, lineage_file: str) -> None:
    connected("model", "push", onnx, "--name", "churn")

    done = connected("model", "record-lineage", "churn", "1", "-f", lineage_file, "-o", "json")

    recorded = json.loads(done.out)
    assert recorded["version"] == "models/churn/versions/1"
    assert recorded["parents"] == [
        {"version": "models/churn/versions/6", "relation": "RELATION_FINE_TUNED_FROM"}
    ]


def test_who_uses_a_dataset_in_production(connected: Run, onnx: str, lineage_file: str) -> None:
    connected("model", "push", onnx, "--name", "churn", "--lineage", lineage_file)

    done = connected("lineage", "s3://lake/customers.parquet", "--production")

    assert done.out.splitlines()[1].split() == ["churn/1", "champion", "itself"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("datasets: [", "line 1"),
        ("- a list", "keys with values"),
        ("color: red", "color"),
        ("parents: [{version: churn/6, relation: bought from}]", "BOUGHT_FROM"),
        ("parents: [{version: churn, relation: converted from}]", "churn"),
        ("datasets: [{uri: 3}]", "uri"),
        ("parents: 3", "no lineage"),
    ],
)
def test_a_bad_file_pushes_nothing_and_says_why_in_one_line(
    connected: Run, onnx: str, tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "lineage.yaml"
    file.write_text(text)

    done = connected("model", "push", onnx, "--name", "churn", "--lineage", str(file))
    found = connected("model", "list")

    assert done.status != 0
    assert says in done.err
    assert len(done.err.splitlines()) == 1
    assert "churn" not in found.out
