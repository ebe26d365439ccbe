"""The report's plots, each with its numbers in a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from algolink.experiment.v1 import measures_pb2
from algolink.experiment.v1 import series_pb2 as pb
from cli.report.html import Html, element, table
from cli.report.material import Material
from cli.report.plot import Dot, Line, Plot
from cli.report.words import standing
from cli.views import metrics, text

_TOGETHER = 4
"""Bands in one plot that can still be told apart."""

_HOW_TO_READ = (
    "The line is the difference that was measured, the band where the true one lies: a band that "
    "holds the line at 0 shows no difference. Early bands may run off the plot. Dashed upright "
    "lines mark when shares changed or something was decided."
)

_LEAST_P = 1e-6
"""Smaller p-values are drawn here: by then everything is said."""


def effects(material: Material, role: measures_pb2.MetricRole) -> Iterator[Html]:
    """Every metric of a role: the difference to the control over time."""
    uses = [use.metric for use in material.experiment.metrics if use.role == role]
    if uses:
        yield element("p", _HOW_TO_READ, class_="how")
    for number, name in enumerate(uses):
        yield from _effect(material, name, role, key=f"effect{role}-{number}")


def arms(material: Material, what: str, count: Callable[[pb.ArmPoint], int]) -> Iterator[Html]:
    """Something of each arm that is counted, over time."""
    counts = {
        arm.id: [
            Dot(_time(point.time), float(count(one)))
            for point in material.points
            for one in point.arms
            if one.arm == arm.id
        ]
        for arm in material.experiment.arms
    }
    is_any = any(dot.value for dots in counts.values() for dot in dots)
    lines = [
        Line(arm, dots if is_any else [], material.colours[arm]) for arm, dots in counts.items()
    ]
    names = [arm.id for arm in material.experiment.arms]
    yield Plot(
        key=what.lower(),
        title=f"{what} so far, by arm",
        describe=f"Lines over time, one for each of {', '.join(names)}.",
        lines=lines,
        moments=_moments(material),
        tick="{:,.0f}".format,
        whole=True,
    ).render()
    rows = [
        [text.moment(point.time), str(point.phase), *(f"{count(arm):,}" for arm in point.arms)]
        for point in material.points
    ]
    yield table(f"{what} so far, by arm", ["Time", "Phase", *names], rows)


def sample_ratio(material: Material) -> Iterator[Html]:
    """Its p-value over time, on a logarithmic axis."""
    seen = [point for point in material.points if point.HasField("sample_ratio_p_value")]
    alarm = material.experiment.analysis.srm_alpha or 0.001
    dots = [
        Dot(_time(point.time), math.log10(max(point.sample_ratio_p_value, _LEAST_P)))
        for point in seen
    ]
    yield Plot(
        key="ratio",
        title=f"Sample ratio: below {alarm:g} is an alarm",
        describe=f"A line over time; below {alarm:g} units are not where they should be.",
        lines=[Line("p-value", dots, 0)],
        level=math.log10(alarm),
        moments=_moments(material),
        tick=lambda power: f"{10**power:g}",
        whole=True,
    ).render()
    rows = [
        [
            text.moment(point.time),
            f"{point.sample_ratio_p_value:.3g}",
            "ALARM" if point.sample_ratio_mismatch else "as it should be",
        ]
        for point in seen
    ]
    yield table("Sample ratio over time", ["Time", "p-value", "Says"], rows)


def _effect(
    material: Material, name: str, role: measures_pb2.MetricRole, *, key: str
) -> Iterator[Html]:
    words = metrics.short(name)
    better = "below" if name in material.decreasing else "above"
    compared = [arm.id for arm in material.experiment.arms[1:]]
    parts = [compared[start : start + _TOGETHER] for start in range(0, len(compared), _TOGETHER)]
    for number, part in enumerate(parts):
        lines = [Line(arm, _dots(material, name, arm), material.colours[arm]) for arm in part]
        yield Plot(
            key=f"{key}-{number}",
            title=f"{words}: difference to {material.control}",
            describe=(
                f"The difference of {', '.join(part)} to {material.control} over time, within the "
                f"interval that holds at every look; {better} the line at 0 is better."
            ),
            lines=lines,
            level=0.0,
            moments=_moments(material),
        ).render()
    is_guardrail = role == measures_pb2.METRIC_ROLE_GUARDRAIL
    rows = [
        [
            text.moment(point.time),
            comparison.arm,
            *_numbers(comparison),
            *([standing(comparison)] if is_guardrail else []),
        ]
        for point in material.points
        for comparison in _of(point, name)
    ]
    heads = ["Time", "Arm", "Difference", "From", "To", "p-value"]
    heads += ["Says"] if is_guardrail else []
    yield table(f"{words}: difference to {material.control} over time", heads, rows)


def _dots(material: Material, name: str, arm: str) -> list[Dot]:
    return [
        Dot(_time(point.time), one.effect, one.lower, one.upper)
        for point in material.points
        for one in _of(point, name)
        if one.arm == arm and one.HasField("effect")
    ]


def _numbers(one: measures_pb2.Comparison) -> list[str]:
    if not one.HasField("effect"):
        return [one.undefined_reason, text.NOTHING, text.NOTHING, text.NOTHING]
    numbers = [f"{value:+.4g}" for value in (one.effect, one.lower, one.upper)]
    return [*numbers, f"{one.p_value:.3g}"]


def _of(point: pb.ResultsPoint, name: str) -> list[measures_pb2.Comparison]:
    return [one for metric in point.metrics if metric.metric == name for one in metric.comparisons]


def _moments(material: Material) -> list[datetime]:
    """When the experiment changed, within what is drawn; its start is the edge."""
    return [_time(point.time) for point in material.points[1:] if point.changed]


def _time(time: Timestamp) -> datetime:
    return time.ToDatetime(tzinfo=UTC)
