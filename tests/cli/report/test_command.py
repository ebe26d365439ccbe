"""`algolink experiment report`."""

from __future__ import annotations

import json
from pathlib import Path

from algolink.experiment.v1 import experiment_pb2 as pb
from tests.algolink_client import fakes
from tests.cli.conftest import Run
from tests.cli.report import cases


def test_it_writes_a_file_and_does_not_write_over_one_unasked(
    connected: Run, world: fakes.World, tmp_path: Path
) -> None:
    draft = cases.material(state=pb.STATE_DRAFT).experiment
    del draft.metrics[:]
    draft.primary_metric.name = "bought"
    world.experiments[draft.name] = draft
    file = tmp_path / "report.html"

    first = connected("experiment", "report", "ranking-7", "--to", str(file), "-o", "json")
    second = connected("experiment", "report", "ranking-7", "--to", str(file))
    third = connected("experiment", "report", "ranking-7", "--to", str(file), "--replace")

    assert json.loads(first.out) == {"file": str(file), "bytes": len(file.read_bytes())}
    assert (second.status, third.status) == (1, 0)
    assert "--replace" in second.err
    assert "Not started" in file.read_text(encoding="utf-8")
