"""Counts outcomes by what became of them, for the store in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from experiment_svc.domain import outcome_counts, windows
from experiment_svc.domain.counting import UnitState
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.facts import Outcome
from experiment_svc.domain.metrics import Metric
from experiment_svc.domain.outcome_counts import OutcomeCounts, Tally

_ANY_TIME = datetime.min.replace(tzinfo=UTC)
"""Whether a unit is analysed already is no question here."""


class Facts(Protocol):
    """What is counted."""

    outcomes: dict[object, Outcome]
    units: dict[tuple[str, str], UnitState]
    redelivered: int
    conflicts: int


def counts(experiment: Experiment, facts: Facts) -> OutcomeCounts:
    """What became of the outcomes that have to do with an experiment."""
    outcomes = list(facts.outcomes.values())
    return OutcomeCounts(
        tallies=[
            _tally(experiment, metric, name, outcomes, facts.units)
            for metric, name in outcome_counts.named(experiment)
        ],
        unused=_unused(experiment, outcomes, facts.units),
        redelivered=facts.redelivered,
        conflicts=facts.conflicts,
    )


def _tally(
    experiment: Experiment,
    metric: Metric,
    name: str,
    outcomes: Iterable[Outcome],
    units: Mapping[tuple[str, str], UnitState],
) -> Tally:
    """Outcomes under `name`, as `metric` takes them."""
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.metric != name:
            continue
        state = units.get((experiment.name.experiment, outcome.unit))
        if state is None:
            counts["strangers"] += 1
            continue
        first, phase, _ = state.first
        window = windows.window(experiment, metric, phase=phase, first=first, at=_ANY_TIME)
        if outcome.time < window.start:
            counts["early"] += 1
        elif outcome.time >= window.end:
            counts["after"] += 1
        else:
            counts["counted" if outcome.received < window.closes else "late"] += 1
    return Tally(metric=metric.name, outcome=name, **counts)


def _unused(
    experiment: Experiment,
    outcomes: Iterable[Outcome],
    units: Mapping[tuple[str, str], UnitState],
) -> list[tuple[str, int]]:
    """Outcomes of its units under names that it does not use."""
    used = outcome_counts.used(experiment)
    counts = Counter(
        outcome.metric
        for outcome in outcomes
        if outcome.metric not in used and (experiment.name.experiment, outcome.unit) in units
    )
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ranked[: outcome_counts.MAX_UNUSED]
