"""What became of outcomes, in every store: each is in one count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from experiment_svc.domain import experiments
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.facts import Outcome
from experiment_svc.domain.metrics import Aggregation, Covariate, Kind, Metric
from experiment_svc.domain.outcome_counts import OutcomeCounts, Tally
from experiment_svc.store import Store
from tests.experiment_svc.builders import (
    NOON,
    a_metric,
    a_running,
    an_exposure,
    an_outcome,
    primary,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TIMED = replace(a_metric(window=DAY), lateness=HOUR)


async def counts(
    store: Store, experiment: Experiment, *outcomes: Outcome, first: datetime = NOON
) -> OutcomeCounts:
    async with store.transaction() as tx:
        await tx.add_experiment(experiment)
        await tx.add_exposures([an_exposure(at=first)], node="envoy-1")
        await tx.add_outcomes([outcomes])
    async with store.reading() as reading:
        return await reading.get_outcome_counts(experiment)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (an_outcome(at=NOON), "counted"),
        (an_outcome(at=NOON + DAY - timedelta(microseconds=1)), "counted"),
        (an_outcome(at=NOON, received=NOON + DAY + HOUR - timedelta(microseconds=1)), "counted"),
        (an_outcome(at=NOON - timedelta(microseconds=1)), "early"),
        (an_outcome(at=datetime(1970, 1, 1, tzinfo=UTC), received=NOON), "early"),
        (an_outcome(at=NOON + DAY), "after"),
        (an_outcome(at=datetime(2100, 1, 1, tzinfo=UTC), received=NOON), "after"),
        (an_outcome(at=NOON, received=NOON + DAY + HOUR), "late"),
        (an_outcome(at=NOON, unit="nobody"), "strangers"),
    ],
)
async def test_an_outcome_counts_or_there_is_a_reason(
    store: Store, outcome: Outcome, expected: str
) -> None:
    found = await counts(store, a_running(measures=[primary(TIMED)]), outcome)

    assert found.tallies == [Tally(metric="correct", outcome="correct", **{expected: 1})]


async def test_without_a_window_only_the_past_does_not_count(store: Store) -> None:
    years = [datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 2100)]

    found = await counts(
        store, a_running(), *(an_outcome(at=at, received=NOON) for at in [NOON, *years])
    )

    assert found.tallies == [Tally(metric="correct", outcome="correct", counted=2, early=1)]


async def test_what_came_after_the_phase_had_ended_does_not_count(store: Store) -> None:
    running = a_running()
    ramped = experiments.ramp(running, {"champion": 5_000, "challenger": 5_000}, at=NOON + HOUR)

    found = await counts(
        store, ramped, *(an_outcome(at=at) for at in (NOON, NOON + HOUR, NOON + DAY))
    )

    assert found.tallies == [Tally(metric="correct", outcome="correct", counted=1, after=2)]


async def test_a_metric_that_nobody_sends_has_zeros_and_names_that_it_does_not_use_are_told(
    store: Store,
) -> None:
    found = await counts(
        store,
        a_running(),
        *(an_outcome(metric="corect") for _ in range(2)),
        an_outcome(metric="other"),
        an_outcome(metric="elsewhere", unit="nobody"),
    )

    assert found.tallies == [Tally(metric="correct", outcome="correct")]
    assert found.unused == [("corect", 2), ("other", 1)]


async def test_a_ratio_is_two_outcomes_and_a_covariate_is_used(store: Store) -> None:
    metric = Metric(
        name="spend",
        kind=Kind.RATIO,
        aggregation=Aggregation.SUM,
        direction=TIMED.direction,
        outcome="revenue",
        denominator="visits",
        covariate=Covariate(outcome="before", denominator="visits", period=DAY),
    )

    found = await counts(
        store,
        a_running(measures=[primary(metric)]),
        *(an_outcome(metric=name) for name in ("revenue", "visits", "visits", "before")),
    )

    assert found.tallies == [
        Tally(metric="spend", outcome="revenue", counted=1),
        Tally(metric="spend", outcome="visits", counted=2),
    ]
    assert found.unused == []


async def test_what_came_again_is_counted_by_whether_it_said_the_same(store: Store) -> None:
    found = await counts(
        store,
        a_running(),
        an_outcome(event_id="e", content="first"),
        an_outcome(event_id="e", content="first"),
        an_outcome(event_id="e", content="other", value=7.0),
    )

    assert found.tallies == [Tally(metric="correct", outcome="correct", counted=1)]
    assert (found.redelivered, found.conflicts) == (1, 1)
