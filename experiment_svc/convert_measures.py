"""Metrics between the wire and the domain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from algolink.errors import InvalidArgument
from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1 import measures_pb2, metrics_pb2
from algolink.names import MetricName, check_metric_name
from experiment_svc.domain import design
from experiment_svc.domain.metrics import (
    OF_REQUESTS,
    Aggregation,
    Covariate,
    Direction,
    Kind,
    Measure,
    Metric,
    Role,
    default_aggregation,
)

ROLES = {
    Role.PRIMARY: measures_pb2.METRIC_ROLE_PRIMARY,
    Role.SECONDARY: measures_pb2.METRIC_ROLE_SECONDARY,
    Role.GUARDRAIL: measures_pb2.METRIC_ROLE_GUARDRAIL,
    Role.DIAGNOSTIC: measures_pb2.METRIC_ROLE_DIAGNOSTIC,
}
_ROLES_BACK = {wire: role for role, wire in ROLES.items()}
_KINDS = {
    metrics_pb2.METRIC_KIND_BINARY: Kind.BINARY,
    metrics_pb2.METRIC_KIND_MEAN: Kind.MEAN,
    metrics_pb2.METRIC_KIND_COUNT: Kind.COUNT,
    metrics_pb2.METRIC_KIND_RATIO: Kind.RATIO,
    metrics_pb2.METRIC_KIND_QUANTILE: Kind.QUANTILE,
    metrics_pb2.METRIC_KIND_ERROR_RATE: Kind.ERROR_RATE,
    metrics_pb2.METRIC_KIND_SLOW_SHARE: Kind.SLOW_SHARE,
    metrics_pb2.METRIC_KIND_FALLBACK_RATE: Kind.FALLBACK_RATE,
    metrics_pb2.METRIC_KIND_LATENCY_QUANTILE: Kind.LATENCY_QUANTILE,
}
_KINDS_BACK = {kind: wire for wire, kind in _KINDS.items()}
_AGGREGATIONS = {
    pb.AGGREGATION_ANY: Aggregation.ANY,
    pb.AGGREGATION_SUM: Aggregation.SUM,
    pb.AGGREGATION_MEAN: Aggregation.MEAN,
}
_AGGREGATIONS_BACK = {domain: wire for wire, domain in _AGGREGATIONS.items()}
_DIRECTIONS = {
    pb.DIRECTION_INCREASE: Direction.INCREASE,
    pb.DIRECTION_DECREASE: Direction.DECREASE,
}
_DIRECTIONS_BACK = {domain: wire for wire, domain in _DIRECTIONS.items()}

_MILLISECOND = timedelta(milliseconds=1)
_MAX_SPAN_MS = 10**12
"""Any span beyond is refused by the metric; beyond this it would not fit a timedelta."""


@dataclass(frozen=True, slots=True)
class Named:
    """A metric that an experiment names."""

    name: MetricName
    role: Role
    margin: float


def named_from_proto(message: measures_pb2.ExperimentMetric) -> Named:
    """A metric as an experiment names it.

    Raises:
        InvalidArgument: METRIC_NAME_INVALID or METRIC_INVALID.
    """
    if message.role not in _ROLES_BACK:
        raise _invalid("role", message.role)
    return Named(MetricName.parse(message.metric), _ROLES_BACK[message.role], message.margin)


def measure_to_proto(measure: Measure) -> measures_pb2.ExperimentMetric:
    """A metric of an experiment."""
    return measures_pb2.ExperimentMetric(
        metric=metric_name(measure.metric), role=ROLES[measure.role], margin=measure.margin
    )


def metric_name(metric: Metric) -> str:
    """`metrics/{metric}/versions/{version}`, without a version for an experiment's own."""
    return str(MetricName(metric.name, metric.version))


def own_measures(experiment: pb.Experiment) -> list[Measure]:
    """The metric that the experiment defines itself, if it does.

    Raises:
        InvalidArgument: METRIC_INVALID.
    """
    if not experiment.HasField("primary_metric"):
        if experiment.metrics:
            return []
        raise InvalidArgument("METRIC_INVALID", "there is no metric: name one in primary_metric")
    wanted = experiment.primary_metric
    if wanted.aggregation not in _AGGREGATIONS:
        raise _invalid("aggregation", wanted.aggregation)
    if wanted.direction not in _DIRECTIONS:
        raise _invalid("direction", wanted.direction)
    aggregation = _AGGREGATIONS[wanted.aggregation]
    metric = Metric(
        name=wanted.name,
        kind=Kind.BINARY if aggregation is Aggregation.ANY else Kind.MEAN,
        aggregation=aggregation,
        direction=_DIRECTIONS[wanted.direction],
        outcome=wanted.name,
        window=_span("window_ms", wanted.window_ms),
    )
    return [Measure(metric=metric, role=Role.PRIMARY)]


def own_metric_to_proto(metric: Metric) -> pb.Metric:
    """The metric that an experiment defines itself."""
    return pb.Metric(
        name=metric.name,
        aggregation=_AGGREGATIONS_BACK[metric.aggregation],
        direction=_DIRECTIONS_BACK[metric.direction],
        window_ms=metric.window // _MILLISECOND,
    )


def metric_from_proto(metric_id: str, message: metrics_pb2.MetricVersion) -> Metric:
    """A definition, its version not known yet.

    Raises:
        InvalidArgument: METRIC_INVALID or DESCRIPTION_INVALID.
    """
    check_metric_name(metric_id)
    if message.kind not in _KINDS:
        raise _invalid("kind", message.kind)
    kind = _KINDS[message.kind]
    return Metric(
        name=metric_id,
        kind=kind,
        aggregation=_aggregation(kind, message.aggregation),
        direction=_direction(kind, message.direction),
        outcome=message.outcome or ("" if kind in OF_REQUESTS else metric_id),
        denominator=message.denominator,
        window=_span("window_ms", message.window_ms),
        lateness=_span("lateness_ms", message.lateness_ms)
        if message.HasField("lateness_ms")
        else None,
        lower_cap=message.lower_cap if message.HasField("lower_cap") else None,
        upper_cap=message.upper_cap if message.HasField("upper_cap") else None,
        covariate=_covariate(message.covariate) if message.HasField("covariate") else None,
        level=message.level,
        threshold_ms=message.threshold_ms,
        minimum_effect=message.minimum_effect,
        description=design.check_description(message.description),
    )


def metric_to_proto(metric: Metric) -> metrics_pb2.MetricVersion:
    """A stored definition, without the time."""
    message = metrics_pb2.MetricVersion(
        name=metric_name(metric),
        kind=_KINDS_BACK[metric.kind],
        direction=_DIRECTIONS_BACK[metric.direction],
        outcome=metric.outcome,
        denominator=metric.denominator,
        aggregation=_AGGREGATIONS_BACK[metric.aggregation]
        if metric.kind in (Kind.MEAN, Kind.QUANTILE)
        else pb.AGGREGATION_UNSPECIFIED,
        window_ms=metric.window // _MILLISECOND,
        lateness_ms=None if metric.lateness is None else metric.lateness // _MILLISECOND,
        lower_cap=metric.lower_cap,
        upper_cap=metric.upper_cap,
        level=metric.level,
        threshold_ms=metric.threshold_ms,
        minimum_effect=metric.minimum_effect,
        description=metric.description,
    )
    if metric.covariate is not None:
        message.covariate.outcome = metric.covariate.outcome
        message.covariate.denominator = metric.covariate.denominator
        message.covariate.period_ms = metric.covariate.period // _MILLISECOND
    return message


def _aggregation(kind: Kind, wire: pb.Aggregation) -> Aggregation:
    if wire == pb.AGGREGATION_UNSPECIFIED:
        return default_aggregation(kind)
    if wire not in _AGGREGATIONS or kind not in (Kind.MEAN, Kind.QUANTILE):
        raise _invalid("aggregation", wire)
    return _AGGREGATIONS[wire]


def _direction(kind: Kind, wire: pb.Direction) -> Direction:
    if wire == pb.DIRECTION_UNSPECIFIED:
        return Direction.DECREASE if kind in OF_REQUESTS else Direction.INCREASE
    if wire not in _DIRECTIONS:
        raise _invalid("direction", wire)
    return _DIRECTIONS[wire]


def _covariate(message: metrics_pb2.Covariate) -> Covariate:
    return Covariate(
        outcome=message.outcome,
        denominator=message.denominator,
        period=_span("covariate.period_ms", message.period_ms),
    )


def _span(field: str, milliseconds: int) -> timedelta:
    if abs(milliseconds) > _MAX_SPAN_MS:
        raise _invalid(field, milliseconds)
    return milliseconds * _MILLISECOND


def _invalid(field: str, value: int) -> InvalidArgument:
    return InvalidArgument(
        "METRIC_INVALID", f"{field} is {value}: not allowed", field=field, value=value
    )
