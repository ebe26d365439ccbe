"""What is known of outcomes, and of requests, for the store in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from experiment_svc.domain import outcome_counts, windows
from experiment_svc.domain.counting import UnitState
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.facts import Exposure, Kind, Outcome
from experiment_svc.domain.feedback import Taken
from experiment_svc.domain.metrics import Metric
from experiment_svc.domain.outcome_counts import OutcomeCounts, Tally

_ANY_TIME = datetime.min.replace(tzinfo=UTC)
"""Whether a unit is analysed already is no question here."""


class Facts(Protocol):
    """What is counted."""

    exposures: dict[object, Exposure]
    outcomes: dict[object, Outcome]
    units: dict[tuple[str, str], UnitState]
    redelivered: int
    conflicts: int


class MemoryOutcomes:
    """Reads what is known of outcomes, and of requests that they may be about."""

    _seen: Facts

    async def get_outcome_counts(self, experiment: Experiment) -> OutcomeCounts:
        """What became of the outcomes that have to do with an experiment."""
        outcomes, units = list(self._seen.outcomes.values()), self._seen.units
        return OutcomeCounts(
            tallies=[
                _tally(experiment, metric, name, outcomes, units)
                for metric, name in outcome_counts.named(experiment)
            ],
            unused=_unused(experiment, outcomes, units),
            redelivered=self._seen.redelivered,
            conflicts=self._seen.conflicts,
        )

    async def get_requests(self, ids: Sequence[str]) -> Mapping[str, Taken]:
        """Those of the requests that are known, by id."""
        keys = [(request_id, int(Kind.REQUEST), 0) for request_id in ids]
        found = [self._seen.exposures[key] for key in keys if key in self._seen.exposures]
        return {exposure.request_id: Taken(exposure.unit, exposure.time) for exposure in found}


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
