"""Metrics of an experiment: what was measured of each, and how the arms compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table

from algolink.experiment.v1 import measures_pb2 as pb
from cli.views import metrics, text

_STANDINGS = {
    pb.STANDING_NON_INFERIOR: "within its margin",
    pb.STANDING_UNDECIDED: "not known yet",
    pb.STANDING_INFERIOR: "BROKEN",
}


def measured(found: Sequence[pb.MetricResults]) -> Iterator[RenderableType]:
    """A table of arms and one of comparisons, of all metrics."""
    yield _arms(found)
    yield ""
    yield _comparisons(found)


def _arms(found: Sequence[pb.MetricResults]) -> Table:
    table = text.grid("METRIC", "ROLE", "KIND", "ARM", "UNITS", "ESTIMATE", "OUTCOMES", "LATE")
    for one in found:
        for arm in one.arms:
            table.add_row(
                metrics.short(one.metric),
                metrics.role(one.role),
                one.kind,
                arm.arm,
                str(arm.units) if arm.units else text.NOTHING,
                estimate(arm),
                str(arm.outcomes) if arm.outcomes else text.NOTHING,
                str(arm.late) if arm.late else text.NOTHING,
            )
    return table


def estimate(arm: pb.MetricArmResults) -> str:
    """An arm's value, with its bounds if it has any."""
    if not arm.HasField("estimate"):
        return text.NOTHING
    bounds = f" [{arm.lower:.4g}, {arm.upper:.4g}]" if arm.HasField("lower") else ""
    return f"{arm.estimate:.4g}{bounds}"


def _comparisons(found: Sequence[pb.MetricResults]) -> Table:
    table = text.grid(
        "METRIC", "AGAINST CONTROL", "EFFECT", "INTERVAL", "P-VALUE", "ADJUSTED", "GUARDRAIL"
    )
    for one in found:
        for comparison in one.comparisons:
            table.add_row(
                metrics.short(one.metric),
                comparison.arm,
                *effect(comparison),
                p_value(comparison, "p_value"),
                p_value(comparison, "adjusted_p_value"),
                guardrail(comparison),
            )
    return table


def effect(comparison: pb.Comparison) -> tuple[str, str]:
    """Effect and interval, or why there is none."""
    if not comparison.HasField("effect"):
        return text.NOTHING, comparison.undefined_reason
    return (
        f"{comparison.effect:+.4g}",
        f"[{comparison.lower:+.4g}, {comparison.upper:+.4g}]",
    )


def p_value(comparison: pb.Comparison, field: str) -> str:
    """One of its p-values."""
    return f"{getattr(comparison, field):.3g}" if comparison.HasField(field) else text.NOTHING


def guardrail(comparison: pb.Comparison) -> str:
    """Where an arm stands against its margin."""
    standing = _STANDINGS.get(comparison.standing, text.NOTHING)
    if comparison.HasField("harm_p_value") and comparison.standing != pb.STANDING_NON_INFERIOR:
        return f"{standing} (harm p = {comparison.harm_p_value:.3g})"
    return standing
