"""Metrics as JSON values, as they lie in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from experiment_svc.domain.metrics import (
    Aggregation,
    Covariate,
    Direction,
    Kind,
    Measure,
    Metric,
    Role,
)

_MICROSECOND = timedelta(microseconds=1)


def dump(metric: Metric) -> dict[str, Any]:
    """All of `metric` but its version; what is not said is left out."""
    body: dict[str, Any] = {
        "name": metric.name,
        "kind": metric.kind,
        "aggregation": metric.aggregation,
        "direction": metric.direction,
        "window_us": metric.window // _MICROSECOND,
    }
    optional = {
        "outcome": metric.outcome,
        "denominator": metric.denominator,
        "level": metric.level,
        "threshold_ms": metric.threshold_ms,
        "minimum_effect": metric.minimum_effect,
        "description": metric.description,
    }
    body |= {key: value for key, value in optional.items() if value}
    for key, cap in (("lower_cap", metric.lower_cap), ("upper_cap", metric.upper_cap)):
        if cap is not None:
            body[key] = cap
    if metric.lateness is not None:
        body["lateness_us"] = metric.lateness // _MICROSECOND
    if metric.covariate is not None:
        body["covariate"] = {
            "outcome": metric.covariate.outcome,
            "denominator": metric.covariate.denominator,
            "period_us": metric.covariate.period // _MICROSECOND,
        }
    return body


def load(body: dict[str, Any], *, version: int) -> Metric:
    """Inverse of `dump`, given what it leaves out."""
    covariate, lateness_us = body.get("covariate"), body.get("lateness_us")
    return Metric(
        name=body["name"],
        version=version,
        kind=Kind(body["kind"]),
        aggregation=Aggregation(body["aggregation"]),
        direction=Direction(body["direction"]),
        outcome=body.get("outcome", ""),
        denominator=body.get("denominator", ""),
        window=body["window_us"] * _MICROSECOND,
        lateness=None if lateness_us is None else lateness_us * _MICROSECOND,
        lower_cap=body.get("lower_cap"),
        upper_cap=body.get("upper_cap"),
        covariate=covariate
        and Covariate(
            outcome=covariate["outcome"],
            denominator=covariate["denominator"],
            period=covariate["period_us"] * _MICROSECOND,
        ),
        level=body.get("level", 0.0),
        threshold_ms=body.get("threshold_ms", 0),
        minimum_effect=body.get("minimum_effect", 0.0),
        description=body.get("description", ""),
    )


def dump_measure(measure: Measure) -> dict[str, Any]:
    """A metric with its version, and what the experiment wants it for."""
    metric = dump(measure.metric) | {"version": measure.metric.version}
    return {"role": measure.role, "margin": measure.margin, "metric": metric}


def load_measure(body: dict[str, Any]) -> Measure:
    """Inverse of `dump_measure`."""
    metric = load(body["metric"], version=body["metric"]["version"])
    return Measure(metric=metric, role=Role(body["role"]), margin=body["margin"])


def load_only_metric(body: dict[str, Any]) -> Measure:
    """The metric of an experiment from before there were several."""
    aggregation = Aggregation(body["aggregation"])
    metric = Metric(
        name=body["name"],
        kind=Kind.BINARY if aggregation is Aggregation.ANY else Kind.MEAN,
        aggregation=aggregation,
        direction=Direction(body["direction"]),
        outcome=body["name"],
        window=body["window_us"] * _MICROSECOND,
    )
    return Measure(metric=metric, role=Role.PRIMARY)
