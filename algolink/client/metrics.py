"""Metrics, and the calls of the metric service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from algolink.client.calls import Call
from algolink.errors import InvalidArgument
from algolink.experiment.v1 import experiment_pb2, measures_pb2
from algolink.experiment.v1 import metrics_pb2 as pb
from algolink.names import MetricName, check_metric_name, shown

Choice = TypeVar("Choice")

_SERVICE = "/algolink.experiment.v1.MetricService"
_MILLISECOND = timedelta(milliseconds=1)

KINDS: dict[str, pb.MetricKind] = {
    "binary": pb.METRIC_KIND_BINARY,
    "mean": pb.METRIC_KIND_MEAN,
    "count": pb.METRIC_KIND_COUNT,
    "ratio": pb.METRIC_KIND_RATIO,
    "quantile": pb.METRIC_KIND_QUANTILE,
    "error-rate": pb.METRIC_KIND_ERROR_RATE,
    "slow-share": pb.METRIC_KIND_SLOW_SHARE,
    "fallback-rate": pb.METRIC_KIND_FALLBACK_RATE,
    "latency-quantile": pb.METRIC_KIND_LATENCY_QUANTILE,
}
ROLES: dict[str, measures_pb2.MetricRole] = {
    "primary": measures_pb2.METRIC_ROLE_PRIMARY,
    "secondary": measures_pb2.METRIC_ROLE_SECONDARY,
    "guardrail": measures_pb2.METRIC_ROLE_GUARDRAIL,
    "diagnostic": measures_pb2.METRIC_ROLE_DIAGNOSTIC,
}
_AGGREGATIONS: dict[str, experiment_pb2.Aggregation] = {
    "": experiment_pb2.AGGREGATION_UNSPECIFIED,
    "mean": experiment_pb2.AGGREGATION_MEAN,
    "sum": experiment_pb2.AGGREGATION_SUM,
}
_DIRECTIONS: dict[str, experiment_pb2.Direction] = {
    "": experiment_pb2.DIRECTION_UNSPECIFIED,
    "increase": experiment_pb2.DIRECTION_INCREASE,
    "decrease": experiment_pb2.DIRECTION_DECREASE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariate:
    """What was known of a unit before its first exposure (CUPED).

    Attributes:
        outcome: under which it is recorded; may be the metric's own.
        denominator: of a ratio.
        period: how far back.
    """

    outcome: str
    denominator: str = ""
    period: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a metric is; see the guide on metrics.

    Attributes:
        kind: `binary`, `mean`, `count`, `ratio` or `quantile` of outcomes; or, of
            requests, `error-rate`, `slow-share`, `fallback-rate` or `latency-quantile`.
        direction: `increase` if more is better, else `decrease`; empty takes the
            kind's default.
        outcome: under which outcomes are recorded; empty takes the metric's id.
        denominator: outcome that a ratio divides by.
        aggregation: `mean` or `sum` of a unit's outcomes, for a mean or a quantile.
        window: how long outcomes count from a unit's first exposure; zero without end.
        lateness: how long after the window outcomes may still come in; None for ever.
        lower_cap: a unit's smaller values count as this.
        upper_cap: a unit's larger values count as this.
        level: of a quantile, 0.5 for the median.
        threshold_ms: of a slow share.
        minimum_effect: smallest difference that matters, in the metric's unit.
    """

    kind: str
    direction: str = ""
    outcome: str = ""
    denominator: str = ""
    aggregation: str = ""
    window: timedelta = timedelta()
    lateness: timedelta | None = None
    lower_cap: float | None = None
    upper_cap: float | None = None
    covariate: Covariate | None = None
    level: float = 0.0
    threshold_ms: int = 0
    minimum_effect: float = 0.0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """A metric in an experiment.

    Attributes:
        metric: `revenue` for its newest version, `revenue@2` or the whole name.
        role: `primary`, `secondary`, `guardrail` or `diagnostic`.
        margin: how much worse than the control is not worse yet, as a fraction of the
            control's mean; guardrails need one.
    """

    metric: str
    role: str
    margin: float = 0.0


def metric_name(metric: str) -> MetricName:
    """Reads `revenue`, `revenue@2` or a whole name.

    Raises:
        InvalidArgument: METRIC_NAME_INVALID or METRIC_INVALID.

    >>> str(metric_name("revenue@2"))
    'metrics/revenue/versions/2'
    """
    if metric.startswith("metrics/"):
        return MetricName.parse(metric)
    name, at, version = metric.partition("@")
    return MetricName.parse(f"metrics/{name}" + (f"/versions/{version}" if at else ""))


def use_to_proto(use: Use) -> measures_pb2.ExperimentMetric:
    return measures_pb2.ExperimentMetric(
        metric=str(metric_name(use.metric)),
        role=_choice(ROLES, use.role, "role"),
        margin=use.margin,
    )


def create(metric: str, definition: Definition) -> Call[pb.MetricVersion]:
    wanted = pb.MetricVersion(
        kind=_choice(KINDS, definition.kind, "kind"),
        direction=_choice(_DIRECTIONS, definition.direction, "direction"),
        outcome=definition.outcome,
        denominator=definition.denominator,
        aggregation=_choice(_AGGREGATIONS, definition.aggregation, "aggregation"),
        window_ms=definition.window // _MILLISECOND,
        lateness_ms=None if definition.lateness is None else definition.lateness // _MILLISECOND,
        lower_cap=definition.lower_cap,
        upper_cap=definition.upper_cap,
        level=definition.level,
        threshold_ms=definition.threshold_ms,
        minimum_effect=definition.minimum_effect,
        description=definition.description,
    )
    if definition.covariate is not None:
        wanted.covariate.CopyFrom(
            pb.Covariate(
                outcome=definition.covariate.outcome,
                denominator=definition.covariate.denominator,
                period_ms=definition.covariate.period // _MILLISECOND,
            )
        )
    return Call(
        path=f"{_SERVICE}/CreateMetric",
        request=pb.CreateMetricRequest(metric_id=check_metric_name(metric), metric=wanted),
        reply=pb.MetricVersion,
    )


def get(metric: str) -> Call[pb.MetricVersion]:
    return Call(
        path=f"{_SERVICE}/GetMetric",
        request=pb.GetMetricRequest(name=str(metric_name(metric))),
        reply=pb.MetricVersion,
    )


def list_all(metric: str | None) -> Call[pb.ListMetricsResponse]:
    of = "" if metric is None else str(MetricName(metric_name(metric).metric))
    return Call(
        path=f"{_SERVICE}/ListMetrics",
        request=pb.ListMetricsRequest(metric=of),
        reply=pb.ListMetricsResponse,
    )


def _choice(table: Mapping[str, Choice], value: str, what: str) -> Choice:
    if value not in table:
        known = ", ".join(filter(None, table))
        raise InvalidArgument(
            "METRIC_INVALID", f"{what} {shown(value)} is not one of {known}", value=shown(value)
        )
    return table[value]
