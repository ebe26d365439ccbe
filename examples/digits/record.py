"""What one run of the experiment was, and what it had promised."""

from __future__ import annotations

from dataclasses import dataclass, field

from algolink.experiment.v1 import experiment_pb2
from algolink.registry.v1 import registry_pb2
from examples.digits import checks
from examples.digits.answers import Journal
from examples.digits.timeline import Timeline


@dataclass(slots=True, kw_only=True)
class Record:
    """All that the checks look at.

    Attributes:
        weaker: version number of the first champion.
        better: version number of the challenger.
        recorded_outcomes: outcomes that were recorded.
    """

    journal: Journal = field(default_factory=Journal)
    timeline: Timeline = field(default_factory=Timeline)
    weaker: int = 0
    better: int = 0
    experiment: experiment_pb2.Experiment = field(default_factory=experiment_pb2.Experiment)
    results: experiment_pb2.Results = field(default_factory=experiment_pb2.Results)
    model: registry_pb2.Model = field(default_factory=registry_pb2.Model)
    recorded_outcomes: int = 0


def promises(record: Record) -> list[checks.Check]:
    """Everything that has to hold after a run, checked."""
    journal, timeline = record.journal, record.timeline
    _, small, large, _ = timeline.allocations
    return [
        checks.nothing_failed(journal),
        checks.version_follows_bucket(journal, timeline),
        checks.experiment_is_named(journal, timeline),
        checks.ramp_moved_whom_it_must(journal, timeline, small, large),
        checks.exposures_are_counted(journal, record.results),
        checks.outcomes_are_recorded(journal, record.recorded_outcomes),
        checks.winner_is_champion(record.experiment, record.model, record.better),
    ]
