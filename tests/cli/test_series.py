"""Results over time on the command line."""

from __future__ import annotations

import json

from algolink.experiment.v1 import measures_pb2
from algolink.experiment.v1 import series_pb2 as pb
from tests.algolink_client import fakes
from tests.cli.conftest import Run


def a_point(comparison: measures_pb2.Comparison) -> pb.ResultsPoint:
    return pb.ResultsPoint(
        phase=1,
        arms=[pb.ArmPoint(arm="champion", units=90), pb.ArmPoint(arm="challenger", units=10)],
        metrics=[
            pb.MetricPoint(role=measures_pb2.METRIC_ROLE_PRIMARY, comparisons=[comparison]),
        ],
    )


def test_a_series_is_a_table_or_json(connected: Run, world: fakes.World) -> None:
    nothing = measures_pb2.Comparison(arm="challenger", undefined_reason="no units yet")
    something = measures_pb2.Comparison(
        arm="challenger", effect=0.5, lower=-0.25, upper=1.25, p_value=0.3
    )
    world.points += [a_point(nothing), a_point(something)]

    table = connected("experiment", "results", "iris-2", "--series").out
    told = json.loads(connected("experiment", "results", "iris-2", "--series", "-o", "json").out)

    assert "[-0.25, +1.25]" in table
    assert [point["arms"][1]["units"] for point in told["points"]] == ["10", "10"]


def test_watching_a_series_is_refused(connected: Run) -> None:
    refused = connected("experiment", "results", "iris-2", "--series", "--watch")

    assert refused.status == 2
    assert "use one of them" in refused.err
