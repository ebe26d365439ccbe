"""Values that take only what a test is about."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from algolink.experiment.v1 import experiment_pb2, facts_pb2
from algolink.names import ExperimentName, ModelName
from experiment_svc import convert
from experiment_svc.domain import experiments
from experiment_svc.domain.design import Analysis, Arm, Rule, UnitKind
from experiment_svc.domain.experiments import Experiment, Verdict
from experiment_svc.domain.facts import Exposure, Kind, Outcome
from experiment_svc.domain.metrics import Aggregation, Direction, Measure, Metric, Role
from experiment_svc.domain.metrics import Kind as MetricKind
from experiment_svc.domain.policies import Policy

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_numbers = itertools.count(1)


class FakeClock:
    """Stands still until told."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> datetime:
        """Moves on by a timedelta's arguments."""
        self.now += timedelta(**span)
        return self.now


def arms(weights: Mapping[str, int]) -> list[Arm]:
    """Arms with versions 1, 2, ..."""
    return [
        Arm(id=arm, version=version, weight_bp=weight_bp)
        for version, (arm, weight_bp) in enumerate(weights.items(), start=1)
    ]


def a_metric(
    *,
    aggregation: Aggregation = Aggregation.MEAN,
    direction: Direction = Direction.INCREASE,
    window: timedelta = timedelta(),
) -> Metric:
    kinds = {Aggregation.ANY: MetricKind.BINARY, Aggregation.COUNT: MetricKind.COUNT}
    return Metric(
        name="correct",
        kind=kinds.get(aggregation, MetricKind.MEAN),
        aggregation=aggregation,
        direction=direction,
        outcome="correct",
        window=window,
    )


def primary(metric: Metric, *, margin: float = 0.0) -> Measure:
    return Measure(metric=metric, role=Role.PRIMARY, margin=margin)


def a_draft(
    *,
    name: str = "digits",
    model: str = "digits",
    weights: Mapping[str, int] | None = None,
    metric: Metric | None = None,
    measures: Sequence[Measure] = (),
    analysis: Analysis | None = None,
    rule: Rule | None = None,
    policy: Policy | None = None,
    description: str = "",
    at: datetime = NOON,
) -> Experiment:
    return experiments.draft(
        name=ExperimentName(name),
        model=ModelName(model),
        arms=arms(weights or {"champion": 9_000, "challenger": 1_000}),
        unit=UnitKind.HEADER,
        measures=measures or [primary(metric or a_metric())],
        analysis=analysis or Analysis(),
        rule=rule,
        description=description,
        suffix="0a1b2c3d",
        policy=policy,
        at=at,
    )


def a_running(
    *,
    name: str = "digits",
    model: str = "digits",
    weights: Mapping[str, int] | None = None,
    metric: Metric | None = None,
    measures: Sequence[Measure] = (),
    analysis: Analysis | None = None,
    rule: Rule | None = None,
    policy: Policy | None = None,
    at: datetime = NOON,
) -> Experiment:
    draft = a_draft(
        name=name,
        model=model,
        weights=weights,
        metric=metric,
        measures=measures,
        analysis=analysis,
        rule=rule,
        policy=policy,
        at=at,
    )
    return experiments.start(draft, at=at)


def a_verdict(winner: str = "challenger", version: int = 2) -> Verdict:
    return Verdict(
        winner=winner,
        version=version,
        summary="it won",
        forced=False,
        evidence='{"experiment":"experiments/digits"}',
        digest="ab" * 32,
        time=NOON,
    )


def an_exposure(
    *,
    unit: str = "user-1",
    arm: str = "champion",
    phase: int = 1,
    at: datetime = NOON,
    experiment: str = "digits",
    request_id: str | None = None,
    kind: Kind = Kind.REQUEST,
    attempt: int = 0,
    assigned_version: int = 1,
    answered_version: int = 1,
    http_status: int = 200,
    grpc_status: int | None = None,
    response_flags: str = "",
    duration_us: int = 2_000,
    content: str = "",
) -> Exposure:
    """One request; `content` makes it differ from another one with the same key."""
    return Exposure(
        request_id=request_id or f"request-{next(_numbers)}",
        kind=kind,
        attempt=attempt,
        time=at,
        model="digits",
        experiment=experiment,
        phase=phase if experiment else 0,
        table_revision="0123456789abcdef",
        arm=arm if experiment else "",
        assigned_version=assigned_version,
        answered_version=answered_version,
        unit=unit if experiment else "",
        http_status=http_status,
        grpc_status=grpc_status,
        response_flags=response_flags,
        duration_us=duration_us,
        digest=_digest(content),
    )


def an_outcome(
    *,
    unit: str = "user-1",
    value: float = 1.0,
    at: datetime = NOON,
    received: datetime | None = None,
    metric: str = "correct",
    event_id: str | None = None,
    content: str = "",
) -> Outcome:
    return Outcome(
        event_id=event_id or f"event-{next(_numbers)}",
        unit=unit,
        metric=metric,
        value=value,
        time=at,
        received=received or at,
        digest=_digest(content),
    )


def exposure_message(exposure: Exposure) -> facts_pb2.Exposure:
    """The message that the agent would send for it."""
    return facts_pb2.Exposure(
        request_id=exposure.request_id,
        kind=facts_pb2.ExposureKind.Name(exposure.kind),
        attempt=exposure.attempt,
        time=convert.time_to_proto(exposure.time),
        model=exposure.model,
        experiment=f"experiments/{exposure.experiment}" if exposure.experiment else "",
        phase=exposure.phase,
        table_revision=exposure.table_revision,
        arm=exposure.arm,
        assigned_version=exposure.assigned_version,
        answered_version=exposure.answered_version,
        unit=exposure.unit,
        http_status=exposure.http_status,
        grpc_status=exposure.grpc_status,
        response_flags=exposure.response_flags,
        duration_us=exposure.duration_us,
    )


def outcome_message(outcome: Outcome) -> facts_pb2.Outcome:
    return facts_pb2.Outcome(
        event_id=outcome.event_id,
        unit=outcome.unit,
        metric=outcome.metric,
        value=outcome.value,
        time=convert.time_to_proto(outcome.time),
    )


def an_experiment_message(
    weights: Sequence[tuple[str, int, int]] = (("champion", 1, 9_000), ("challenger", 2, 1_000)),
    *,
    model: str = "models/digits",
    rule: experiment_pb2.Rule | None = None,
) -> experiment_pb2.Experiment:
    """What a caller of CreateExperiment sends; weights are (arm, version, share)."""
    return experiment_pb2.Experiment(
        model=model,
        arms=[
            experiment_pb2.Arm(id=arm, version=version, weight_bp=weight_bp)
            for arm, version, weight_bp in weights
        ],
        primary_metric=experiment_pb2.Metric(
            name="correct",
            aggregation=experiment_pb2.AGGREGATION_MEAN,
            direction=experiment_pb2.DIRECTION_INCREASE,
        ),
        rule=rule,
    )


def _digest(content: str) -> bytes:
    return hashlib.blake2b(content.encode(), digest_size=16).digest()
