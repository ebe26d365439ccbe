"""Experiments in every state, as the service tells them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1 import losses_pb2, measures_pb2, policies_pb2, series_pb2
from cli.report.material import Material

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRIMARY, GUARDRAIL = "metrics/bought/versions/1", "metrics/errors/versions/2"
HOSTILE = '<script>document.title="owned"</script><img src="http://198.51.100.1/x.png">&amp;"'


def moment(minutes: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(NOON + timedelta(minutes=minutes))
    return stamp


def compared(arm: str, effect: float, width: float, **more: object) -> measures_pb2.Comparison:
    return measures_pb2.Comparison(
        arm=arm,
        effect=effect,
        lower=effect - width,
        upper=effect + width,
        p_value=max(1e-9, math.exp(-((effect / width) ** 2) * 3)),
        lift=effect / 0.4,
        **more,  # type: ignore[arg-type]  # whatever the case is about
    )


def points(
    arms: Sequence[str], *, effect: float, count: int = 80, primary: bool = True
) -> list[series_pb2.ResultsPoint]:
    """From no units to enough to see `effect`, with a ramp in the middle."""
    made = []
    for number in range(count):
        units = 40 * number
        point = series_pb2.ResultsPoint(
            time=moment(10 * number),
            phase=1 if number < count // 2 else 2,
            changed=number in (0, count // 2),
            exposures=2 * units * len(arms),
        )
        for arm in arms:
            point.arms.add(arm=arm, units=units, requests=2 * units, failed_requests=units // 90)
        metrics = [(GUARDRAIL, measures_pb2.METRIC_ROLE_GUARDRAIL, 0.0)]
        if primary:
            metrics.insert(0, (PRIMARY, measures_pb2.METRIC_ROLE_PRIMARY, effect))
        for name, role, size in metrics:
            metric = point.metrics.add(metric=name, role=role)
            for place, arm in enumerate(arms[1:]):
                if units < 100:
                    metric.comparisons.add(arm=arm, undefined_reason="fewer than 100 units")
                    continue
                drift = math.sin(number / 5 + place) / math.sqrt(units)
                width = 3 / math.sqrt(units)
                one = compared(arm, size * (1 + place / 2) + drift, width)
                one.standing = (
                    measures_pb2.STANDING_UNDECIDED
                    if role == measures_pb2.METRIC_ROLE_GUARDRAIL
                    else measures_pb2.STANDING_UNSPECIFIED
                )
                metric.comparisons.append(one)
        if units:
            point.sample_ratio_p_value = 0.3 + 0.6 * math.cos(number / 9) ** 2
        made.append(point)
    return made


def material(
    *,
    state: pb.State = pb.STATE_RUNNING,
    arms: Sequence[str] = ("champion", "challenger"),
    primary: bool = True,
    effect: float = 0.09,
    count: int = 80,
    description: str = "Does the new ranking sell more?",
) -> Material:
    """An experiment that has gone on for `count` points."""
    draft = state == pb.STATE_DRAFT
    experiment = pb.Experiment(
        name="experiments/ranking-7",
        model="models/ranking",
        description=description,
        state=state,
        create_time=moment(-60),
        analysis=pb.Analysis(alpha=0.05, srm_alpha=0.001),
    )
    weights = {arm: 10_000 // len(arms) for arm in arms}
    weights[arms[0]] += 10_000 - sum(weights.values())
    for version, arm in enumerate(arms, start=3):
        experiment.arms.add(id=arm, version=version, weight_bp=weights[arm])
    if primary:
        experiment.metrics.add(metric=PRIMARY, role=measures_pb2.METRIC_ROLE_PRIMARY)
    experiment.metrics.add(metric=GUARDRAIL, role=measures_pb2.METRIC_ROLE_GUARDRAIL, margin=0.1)
    if draft:
        return Material(experiment=experiment, time=NOON)
    experiment.start_time.CopyFrom(moment(0))
    experiment.phases.add(number=1, start_time=moment(0), weights_bp=weights)
    course = points(arms, effect=effect, count=count, primary=primary)
    if count > 1:
        experiment.phases.add(number=2, start_time=moment(5 * count), weights_bp=weights)
    return Material(
        experiment=experiment,
        time=NOON + timedelta(minutes=10 * count),
        results=_results(experiment, course[-1]),
        decreasing=frozenset([GUARDRAIL]),
        points=course,
    )


def a_loss(cause: str = "the disk was full") -> losses_pb2.Loss:
    return losses_pb2.Loss(
        exposures=12, at_least=True, node="envoy-1", cause=cause, time=moment(30)
    )


def a_decision(action: policies_pb2.DecisionAction, reason: str) -> policies_pb2.Decision:
    return policies_pb2.Decision(
        number=1, action=action, reason=reason, digest="5e" * 32, time=moment(400)
    )


def concluded(found: Material) -> Material:
    """With a verdict for the first arm that is not the control."""
    winner = found.experiment.arms[1]
    found.experiment.end_time.CopyFrom(moment(800))
    found.experiment.verdict.CopyFrom(
        pb.Verdict(
            winner=winner.id,
            version=winner.version,
            summary=f"{winner.id} (version {winner.version}) wins: +0.09 (+0.04 to +0.14)",
            digest="ab" * 32,
            time=moment(799),
        )
    )
    return found


def _results(experiment: pb.Experiment, last: series_pb2.ResultsPoint) -> pb.Results:
    results = pb.Results(
        experiment=experiment.name,
        recommendation="not decided: the interval holds 0",
        facts=pb.FactCounts(exposures=last.exposures, redelivered=2),
    )
    for arm, seen in zip(experiment.arms, last.arms, strict=True):
        results.arms.add(
            arm=arm.id,
            version=arm.version,
            units=seen.units,
            requests=seen.requests,
            failed_requests=seen.failed_requests,
        )
    for metric in last.metrics:
        results.metrics.add(metric=metric.metric, role=metric.role, comparisons=metric.comparisons)
        for seen in last.arms:
            results.metrics[-1].arms.add(arm=seen.arm, units=seen.units, outcomes=seen.units)
            if seen.units:
                results.metrics[-1].arms[-1].estimate = 0.4
    if last.HasField("sample_ratio_p_value"):
        results.sample_ratio.p_value = last.sample_ratio_p_value
    return results
