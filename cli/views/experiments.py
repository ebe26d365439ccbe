"""Experiments and their results."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1 import measures_pb2
from cli import shares
from cli.views import losses, measured, metrics, policies, text


def experiments(found: Sequence[pb.Experiment]) -> Table:
    table = text.grid("EXPERIMENT", "MODEL", "STATE", "ARMS", "METRIC", "CREATED")
    for experiment in found:
        table.add_row(
            experiment.name.removeprefix("experiments/"),
            experiment.model.removeprefix("models/"),
            state(experiment),
            ", ".join(_arm(arm) for arm in experiment.arms),
            _decides(experiment),
            text.moment(experiment.create_time),
        )
    return table


def experiment(found: pb.Experiment) -> Table:
    table = text.facts()
    table.add_row("experiment", found.name)
    table.add_row("model", found.model)
    table.add_row("state", state(found))
    for arm in found.arms:
        table.add_row(f"arm {arm.id}", f"version {arm.version}, {shares.percent(arm.weight_bp)}")
    if found.HasField("primary_metric"):
        table.add_row("metric", _own_metric(found.primary_metric))
    else:
        for use in found.metrics:
            table.add_row(metrics.role(use.role), _use(use))
    if found.policy:
        table.add_row("policy", f"{policies.short(found.policy)}, {found.policy_step} steps done")
    if found.awaiting_approval:
        table.add_row("waits for you", found.awaiting_approval)
    table.add_row("phases", str(len(found.phases)))
    table.add_row("salt", found.salt)
    if found.HasField("start_time"):
        table.add_row("started", text.moment(found.start_time))
    if found.HasField("end_time"):
        table.add_row("ended", text.moment(found.end_time))
    if found.HasField("verdict"):
        table.add_row("winner", f"{found.verdict.winner} (version {found.verdict.version})")
        table.add_row("verdict", found.verdict.summary)
        table.add_row("forced", "yes" if found.verdict.forced else "no")
    if found.HasField("promotion_refusal"):
        table.add_row("not promoted", found.promotion_refusal.message)
    if found.description:
        table.add_row("description", found.description)
    table.add_row("etag", found.etag)
    return table


def results(found: pb.Results) -> RenderableType:
    """Arms, comparisons, alarms, and what the rule says."""
    return Group(
        f"{found.experiment} at {text.moment(found.time)}",
        "",
        _arms(found.arms),
        "",
        *(_primary(found) if len(found.metrics) < 2 else measured.measured(found.metrics)),
        "",
        _verdict(found),
    )


def _decides(experiment: pb.Experiment) -> str:
    """The primary metric, or what watches without one."""
    primary = [use for use in experiment.metrics if use.role == measures_pb2.METRIC_ROLE_PRIMARY]
    return ", ".join(metrics.short(use.metric) for use in primary) or "guardrails only"


def _own_metric(metric: pb.Metric) -> str:
    aggregation = text.enum_word(pb.Aggregation.Name(metric.aggregation), "AGGREGATION_")
    direction = text.enum_word(pb.Direction.Name(metric.direction), "DIRECTION_")
    return f"{metric.name}: {aggregation} per unit, {direction} is better"


def _use(use: measures_pb2.ExperimentMetric) -> str:
    margin = f", margin {use.margin:.3%}" if use.margin else ""
    return f"{metrics.short(use.metric)}{margin}"


def state(experiment: pb.Experiment) -> str:
    return text.enum_word(pb.State.Name(experiment.state), "STATE_")


def _arms(arms: Sequence[pb.ArmResults]) -> Table:
    table = text.grid(
        "ARM", "VERSION", "UNITS", "WITH VALUE", "MEAN", "REQUESTS", "FAILED", "P50 ms", "P99 ms"
    )
    for arm in arms:
        table.add_row(
            arm.arm,
            str(arm.version),
            str(arm.units),
            str(arm.units_with_value),
            f"{arm.mean:.4g}" if arm.HasField("mean") else text.NOTHING,
            str(arm.requests),
            str(arm.failed_requests),
            f"{arm.latency_p50_ms:.1f}" if arm.HasField("latency_p50_ms") else text.NOTHING,
            f"{arm.latency_p99_ms:.1f}" if arm.HasField("latency_p99_ms") else text.NOTHING,
        )
    return table


def _primary(found: pb.Results) -> list[RenderableType]:
    return [_comparisons(found.comparisons)]


def _comparisons(comparisons: Sequence[measures_pb2.Comparison]) -> Table:
    table = text.grid("AGAINST CONTROL", "EFFECT", "INTERVAL", "P-VALUE", "LIFT")
    for comparison in comparisons:
        if not comparison.HasField("effect"):
            table.add_row(comparison.arm, text.NOTHING, comparison.undefined_reason)
            continue
        table.add_row(
            comparison.arm,
            f"{comparison.effect:+.4g}",
            f"[{comparison.lower:+.4g}, {comparison.upper:+.4g}]",
            f"{comparison.p_value:.3g}" if comparison.HasField("p_value") else text.NOTHING,
            f"{comparison.lift:+.1%}" if comparison.HasField("lift") else text.NOTHING,
        )
    return table


def _verdict(found: pb.Results) -> Table:
    table = text.facts()
    ratio = found.sample_ratio
    if ratio.mismatch:
        table.add_row(
            "sample ratio", Text("MISMATCH: these results are not to be trusted", style="bold red")
        )
    elif ratio.HasField("p_value"):
        table.add_row("sample ratio", f"as the weights say (p = {ratio.p_value:.3g})")
    else:
        table.add_row("sample ratio", "no units yet")
    table.add_row("exposures", str(found.facts.exposures))
    if found.facts.redelivered or found.facts.conflicts:
        table.add_row(
            "facts sent again",
            f"{found.facts.redelivered} the same, {found.facts.conflicts} in conflict",
        )
    for loss in found.losses:
        is_open = not loss.HasField("acknowledge_time")
        seen = "not acknowledged" if is_open else f"acknowledged by {loss.acknowledged_by}"
        told = f"{losses.exposures(loss)} exposures at {loss.node}: {loss.cause} ({seen})"
        table.add_row("LOST", Text(told, style="bold red" if is_open else ""))
    table.add_row("rule", _rule(found))
    return table


def _rule(found: pb.Results) -> str:
    if found.recommended_winner:
        return f"conclude with {found.recommended_winner}: {found.recommendation}"
    return found.recommendation or text.NOTHING


def _arm(arm: pb.Arm) -> str:
    return f"{arm.id}=v{arm.version} {shares.percent(arm.weight_bp)}"
