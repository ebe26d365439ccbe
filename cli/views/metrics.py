"""Definitions of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rich.table import Table

from algolink.experiment.v1 import experiment_pb2, measures_pb2
from algolink.experiment.v1 import metrics_pb2 as pb
from algolink.names import MetricName
from cli.views import text


def metrics(found: Sequence[pb.MetricVersion]) -> Table:
    table = text.grid("METRIC", "KIND", "OF", "BETTER", "WINDOW", "CREATED")
    for one in found:
        table.add_row(
            label(one),
            kind(one),
            _of(one),
            _better(one),
            _window(one),
            text.moment(one.create_time),
        )
    return table


def metric(found: pb.MetricVersion) -> Table:
    table = text.facts()
    table.add_row("metric", label(found))
    table.add_row("kind", kind(found))
    table.add_row("of", _of(found))
    table.add_row("better", _better(found))
    table.add_row("window", _window(found))
    if found.HasField("lateness_ms"):
        table.add_row("lateness", str(timedelta(milliseconds=found.lateness_ms)))
    caps = [
        f"{name.removesuffix('_cap')} {getattr(found, name):g}"
        for name in ("lower_cap", "upper_cap")
        if found.HasField(name)
    ]
    if caps:
        table.add_row("caps", ", ".join(caps))
    if found.HasField("covariate"):
        before = timedelta(milliseconds=found.covariate.period_ms)
        table.add_row("covariate", f"{_fraction(found.covariate)} in {before} before")
    if found.minimum_effect:
        table.add_row("minimum effect", f"{found.minimum_effect:g}")
    if found.description:
        table.add_row("description", found.description)
    table.add_row("created", text.moment(found.create_time))
    return table


def label(found: pb.MetricVersion) -> str:
    """`revenue@2`."""
    return short(found.name)


def short(name: str) -> str:
    """A metric's whole name as people write it.

    >>> short("metrics/revenue/versions/2"), short("metrics/correct")
    ('revenue@2', 'correct')
    """
    parsed = MetricName.parse(name)
    return f"{parsed.metric}@{parsed.version}" if parsed.version else parsed.metric


def kind(found: pb.MetricVersion) -> str:
    return text.enum_word(pb.MetricKind.Name(found.kind), "METRIC_KIND_")


def role(found: measures_pb2.MetricRole) -> str:
    return text.enum_word(measures_pb2.MetricRole.Name(found), "METRIC_ROLE_")


def _of(found: pb.MetricVersion) -> str:
    if found.outcome:
        name = _fraction(found)
        if found.aggregation == experiment_pb2.AGGREGATION_UNSPECIFIED:
            return name
        aggregation = experiment_pb2.Aggregation.Name(found.aggregation)
        return f"{text.enum_word(aggregation, 'AGGREGATION_')} of {name}" + _level(found)
    if found.threshold_ms:
        return f"requests over {found.threshold_ms} ms"
    return "requests" + _level(found)


def _fraction(found: pb.MetricVersion | pb.Covariate) -> str:
    return f"{found.outcome} / {found.denominator}" if found.denominator else found.outcome


def _level(found: pb.MetricVersion) -> str:
    return f" at {found.level:g}" if found.level else ""


def _better(found: pb.MetricVersion) -> str:
    more = found.direction == experiment_pb2.DIRECTION_INCREASE
    return "more" if more else "less"


def _window(found: pb.MetricVersion) -> str:
    return str(timedelta(milliseconds=found.window_ms)) if found.window_ms else "no end"
