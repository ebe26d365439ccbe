"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from algolink.client import Client
from algolink.experiment.v1 import experiment_pb2, measures_pb2, policies_pb2, series_pb2


@dataclass(frozen=True, kw_only=True)
class Material:
    """An experiment and all that is known of it.

    Attributes:
        time: when it was read; UTC.
        results: empty for one that has not started.
        decreasing: whole names of the metrics of which less is better.
        points: results over time, the oldest first.
        decisions: of its policy, the oldest first.
    """

    experiment: experiment_pb2.Experiment
    time: datetime
    results: experiment_pb2.Results = field(default_factory=experiment_pb2.Results)
    decreasing: frozenset[str] = frozenset()
    points: Sequence[series_pb2.ResultsPoint] = ()
    decisions: Sequence[policies_pb2.Decision] = ()

    @property
    def name(self) -> str:
        return self.experiment.name.removeprefix("experiments/")

    @property
    def control(self) -> str:
        return self.experiment.arms[0].id

    @property
    def units(self) -> int:
        return sum(arm.units for arm in self.results.arms)

    @property
    def colours(self) -> Mapping[str, int]:
        """The place of each arm: it looks the same in every plot."""
        return {arm.id: place for place, arm in enumerate(self.experiment.arms)}

    @property
    def primary(self) -> measures_pb2.MetricResults | None:
        role = measures_pb2.METRIC_ROLE_PRIMARY
        return next((one for one in self.results.metrics if one.role == role), None)

    @property
    def guardrails(self) -> list[measures_pb2.MetricResults]:
        role = measures_pb2.METRIC_ROLE_GUARDRAIL
        return [one for one in self.results.metrics if one.role == role]

    def is_of_the_verdict(self, phase: experiment_pb2.Phase) -> bool:
        """Whether it is no ramp, but all traffic going to the winner."""
        experiment = self.experiment
        if not experiment.HasField("verdict"):
            return False
        begun = phase.start_time.ToMicroseconds()
        return begun >= experiment.verdict.time.ToMicroseconds()

    @property
    def open_losses(self) -> bool:
        """Whether exposures were lost and nobody has taken note."""
        return any(not loss.HasField("acknowledge_time") for loss in self.results.losses)


def gather(client: Client, name: str, *, at: datetime) -> Material:
    """Reads all of it.

    Raises:
        NotFound: EXPERIMENT_NOT_FOUND.
    """
    experiment = client.experiment(name)
    started = bool(experiment.phases)
    return Material(
        experiment=experiment,
        time=at,
        results=client.results(name) if started else experiment_pb2.Results(),
        decreasing=_decreasing(client, experiment),
        points=client.policies.course(name).points,
        decisions=client.policies.decisions(name),
    )


def _decreasing(client: Client, experiment: experiment_pb2.Experiment) -> frozenset[str]:
    less = experiment_pb2.DIRECTION_DECREASE
    if experiment.HasField("primary_metric"):
        own = experiment.primary_metric
        return frozenset([f"metrics/{own.name}"] if own.direction == less else [])
    names = [use.metric for use in experiment.metrics]
    return frozenset(name for name in names if client.metrics.get(name).direction == less)
