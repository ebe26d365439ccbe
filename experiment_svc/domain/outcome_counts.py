"""What became of the outcomes of an experiment's metrics: counted, or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Metric

MAX_UNUSED = 20
"""Names of outcomes that no metric uses, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Outcomes under one name, as one metric takes them. Each is in one count.

    Attributes:
        metric: of the experiment.
        outcome: name that they were recorded under.
        counted: in their unit's window, and in time.
        early: from before the unit's first exposure.
        after: from after its window.
        late: from within the window, received too late.
        strangers: of units that the experiment never saw.
    """

    metric: str
    outcome: str
    counted: int = 0
    early: int = 0
    after: int = 0
    late: int = 0
    strangers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCounts:
    """All outcomes that have to do with an experiment.

    Attributes:
        tallies: for each metric that rests on outcomes, in the experiment's order.
        unused: outcomes of its units under names that none of its metrics use,
            the most frequent first.
        redelivered: facts that came again, in all experiments.
        conflicts: facts that came again with other content, in all experiments.
    """

    tallies: Sequence[Tally]
    unused: Sequence[tuple[str, int]]
    redelivered: int
    conflicts: int


def named(experiment: Experiment) -> list[tuple[Metric, str]]:
    """Each metric that rests on outcomes, with each name that it takes."""
    return [
        (measure.metric, name)
        for measure in experiment.measures
        if not measure.metric.of_requests
        for name in dict.fromkeys([measure.metric.outcome, measure.metric.denominator])
        if name
    ]


def used(experiment: Experiment) -> set[str]:
    """Every name of outcomes that the experiment uses, covariates' too."""
    names = {name for _, name in named(experiment)}
    for measure in experiment.measures:
        if covariate := measure.metric.covariate:
            names |= {covariate.outcome, covariate.denominator}
    return names - {""}
