"""Results over time."""

from __future__ import annotations

from rich.table import Table

from algolink.experiment.v1 import measures_pb2
from algolink.experiment.v1 import series_pb2 as pb
from cli.views import text


def course(found: pb.ResultsSeries) -> Table:
    """A row for each moment and arm that is compared; the primary metric's effect."""
    table = text.grid("TIME", "PHASE", "ARM", "UNITS", "EFFECT", "INTERVAL", "P-VALUE", "RATIO P")
    for point in found.points:
        effects = {one.arm: one for one in _primary(point)}
        for arm in point.arms:
            table.add_row(
                text.moment(point.time),
                str(point.phase),
                arm.arm,
                str(arm.units),
                *_effect(effects.get(arm.arm)),
                f"{point.sample_ratio_p_value:.3g}"
                if point.HasField("sample_ratio_p_value")
                else text.NOTHING,
            )
    return table


def _primary(point: pb.ResultsPoint) -> list[measures_pb2.Comparison]:
    return [
        comparison
        for metric in point.metrics
        if metric.role == measures_pb2.METRIC_ROLE_PRIMARY
        for comparison in metric.comparisons
    ]


def _effect(comparison: measures_pb2.Comparison | None) -> tuple[str, str, str]:
    if comparison is None or not comparison.HasField("effect"):
        return text.NOTHING, text.NOTHING, text.NOTHING
    return (
        f"{comparison.effect:+.4g}",
        f"[{comparison.lower:+.4g}, {comparison.upper:+.4g}]",
        f"{comparison.p_value:.3g}",
    )
