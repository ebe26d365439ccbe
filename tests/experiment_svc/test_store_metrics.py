"""What every store makes of facts under each kind of metric, against sums from the raw facts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest

from algolink.errors import NotFound
from experiment_svc.domain import experiments
from experiment_svc.domain.aggregates import Aggregates
from experiment_svc.domain.definitions import DefinitionKind
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.facts import Exposure, Outcome, failed
from experiment_svc.domain.metrics import (
    Aggregation,
    Covariate,
    Direction,
    Kind,
    Measure,
    Metric,
    Role,
)
from experiment_svc.stats.quantile import QuantileBounds
from experiment_svc.store import Store
from tests.experiment_svc.builders import NOON, a_running, an_exposure, an_outcome

HOUR = timedelta(hours=1)
AT = NOON + 3 * HOUR
WEEK = timedelta(days=7)


def a_metric(
    name: str,
    kind: Kind,
    aggregation: Aggregation = Aggregation.SUM,
    *,
    outcome: str = "spend",
    denominator: str = "",
    window: timedelta = timedelta(),
    lateness: timedelta | None = None,
    upper_cap: float | None = None,
    lower_cap: float | None = None,
    covariate: Covariate | None = None,
    level: float = 0.0,
    threshold_ms: int = 0,
) -> Metric:
    of_requests = aggregation is Aggregation.ANY and kind is not Kind.BINARY
    return Metric(
        name=name,
        kind=kind,
        aggregation=aggregation,
        direction=Direction.DECREASE if of_requests else Direction.INCREASE,
        outcome="" if of_requests else outcome,
        denominator=denominator,
        window=window,
        lateness=lateness,
        lower_cap=lower_cap,
        upper_cap=upper_cap,
        covariate=covariate,
        level=level,
        threshold_ms=threshold_ms,
    )


METRICS = [
    a_metric("bought", Kind.BINARY, Aggregation.ANY, window=HOUR, lateness=HOUR / 2),
    a_metric("spend", Kind.MEAN, window=HOUR),
    a_metric("basket", Kind.MEAN, Aggregation.MEAN, covariate=Covariate(outcome="s", period=WEEK)),
    a_metric("capped", Kind.MEAN, lower_cap=-1.0, upper_cap=2.5),
    a_metric("purchases", Kind.COUNT, Aggregation.COUNT, upper_cap=2.0),
    a_metric("per-visit", Kind.RATIO, denominator="visits", window=HOUR),
    a_metric("cuped", Kind.MEAN, covariate=Covariate(outcome="spend", period=HOUR)),
    a_metric(
        "cuped-ratio",
        Kind.RATIO,
        denominator="visits",
        covariate=Covariate(outcome="spend", denominator="visits", period=WEEK),
    ),
    a_metric("median", Kind.QUANTILE, level=0.5),
    a_metric("errors", Kind.ERROR_RATE, Aggregation.ANY),
    a_metric("slow", Kind.SLOW_SHARE, Aggregation.ANY, threshold_ms=20, window=HOUR),
    a_metric("fallbacks", Kind.FALLBACK_RATE, Aggregation.ANY),
]
ROLES = {True: Role.PRIMARY, False: Role.DIAGNOSTIC}


def an_experiment() -> Experiment:
    measures = [Measure(metric=m, role=ROLES[m.name == "bought"]) for m in METRICS]
    return experiments.ramp(
        a_running(measures=measures), {"champion": 5_000, "challenger": 5_000}, at=NOON + HOUR
    )


def traffic() -> tuple[list[Exposure], list[Outcome]]:
    """Random: requests of all fates over a ramp, outcomes before, in, after windows, and late."""
    generator = random.Random(5)

    def moment(first: float, last: float) -> datetime:
        return NOON + timedelta(minutes=round(generator.uniform(first, last), 4))

    exposures = []
    for _ in range(260):
        at = moment(0, 120)
        exposures.append(
            an_exposure(
                unit=f"user-{generator.randrange(90)}",
                arm=generator.choice(["champion", "challenger"]),
                phase=1 if at < NOON + HOUR else 2,
                at=at,
                http_status=generator.choice([200, 200, 200, 404, 429, 503, 0]),
                grpc_status=generator.choice([None, None, 0, 3, 14]),
                response_flags=generator.choice(["", "", "DC", "UT", "UF,URX", "NR"]),
                assigned_version=1,
                answered_version=generator.choice([0, 1, 1, 1, 2]),
                duration_us=generator.choice([1_000, 20_000, 20_001, 500_000]),
            )
        )
    outcomes = []
    for _ in range(700):
        at = moment(-90, 170)
        outcomes.append(
            an_outcome(
                unit=f"user-{generator.randrange(95)}",
                metric=generator.choice(["spend", "spend", "visits", "s", "other"]),
                value=generator.gauss(0.5, 3.0),
                at=at,
                received=at + timedelta(minutes=generator.choice([0, 0, 25, 31, 80])),
            )
        )
    return exposures, outcomes


def aggregated(metric: Metric, values: Sequence[float]) -> float | None:
    if metric.aggregation is Aggregation.MEAN:
        return float(np.mean(values)) if values else None
    if metric.aggregation is Aggregation.SUM:
        return float(np.sum(values))
    if metric.aggregation is Aggregation.COUNT:
        return float(len(values))
    return float(any(value > 0 for value in values))


class Oracle:
    """Rows of units from the raw facts, written down anew and step by step."""

    def __init__(self, exposures: list[Exposure], outcomes: list[Outcome]) -> None:
        self.exposures, self.outcomes = exposures, outcomes

    def rows(self, experiment: Experiment, metric: Metric) -> dict[tuple[str, int], np.ndarray]:
        cells: dict[tuple[str, int], list[list[float]]] = {}
        for unit in sorted({exposure.unit for exposure in self.exposures}):
            first = min(
                (e for e in self.exposures if e.unit == unit), key=lambda e: (e.time, e.phase)
            )
            row = self.row(experiment, metric, unit, first)
            if row is not None:
                cells.setdefault((first.arm, first.phase), []).append(row)
        return {key: np.array(rows) for key, rows in cells.items()}

    def row(
        self, experiment: Experiment, metric: Metric, unit: str, first: Exposure
    ) -> list[float] | None:
        end = experiment.phases[first.phase - 1].end or datetime.max.replace(tzinfo=NOON.tzinfo)
        if metric.window:
            end = min(end, first.time + metric.window)
            if end + (metric.lateness or timedelta()) > AT:
                return None
        if first.time >= end:
            return None
        row: list[float] = []
        names = [metric.outcome] + ([metric.denominator] if metric.denominator else [])
        for name in names:
            values = self.inside(metric, unit, name, first.time, end)
            value = aggregated(metric, values)
            if value is None:
                return None
            row.append(value)
        row[0] = max(row[0], -np.inf if metric.lower_cap is None else metric.lower_cap)
        row[0] = min(row[0], np.inf if metric.upper_cap is None else metric.upper_cap)
        if metric.covariate is not None:
            covariate = metric.covariate
            for name in [covariate.outcome, *filter(None, [covariate.denominator])]:
                start = first.time - covariate.period
                values = self.inside(metric, unit, name, start, first.time, late=True)
                row.append(aggregated(metric, values) or 0.0)
        return row

    def inside(
        self,
        metric: Metric,
        unit: str,
        name: str,
        start: datetime,
        end: datetime,
        *,
        late: bool = False,
    ) -> list[float]:
        if metric.of_requests:
            return [
                float(self.has_event(metric, exposure))
                for exposure in self.exposures
                if exposure.unit == unit and start <= exposure.time < end
            ]
        return [
            outcome.value
            for outcome in self.outcomes
            if outcome.unit == unit
            and outcome.metric == name
            and start <= outcome.time < end
            and (late or metric.lateness is None or outcome.received < end + metric.lateness)
        ]

    @staticmethod
    def has_event(metric: Metric, exposure: Exposure) -> bool:
        if metric.kind is Kind.ERROR_RATE:
            return failed(exposure)
        if metric.kind is Kind.FALLBACK_RATE:
            return exposure.answered_version == 2
        return exposure.duration_us > 20_000


async def read(store: Store) -> tuple[Experiment, Aggregates, Oracle]:
    experiment = an_experiment()
    exposures, outcomes = traffic()
    async with store.transaction() as tx:
        await tx.add_experiment(experiment)
        await tx.add_exposures(exposures, node="node-1")
        await tx.add_outcomes([outcomes])
    async with store.reading() as reading:
        found = await reading.get_aggregates(experiment, at=AT)
    return experiment, found, Oracle(exposures, outcomes)


async def test_cells_hold_what_the_raw_facts_sum_up_to(store: Store) -> None:
    experiment, found, oracle = await read(store)

    for metric in METRICS:
        expected = oracle.rows(experiment, metric)
        cells = {(cell.arm, cell.phase): cell for cell in found.cells[metric.name]}
        assert len(cells) == 4, metric.name
        for key, rows in expected.items():
            values = cells[key].values
            centred = rows - rows.mean(axis=0)
            assert values.count == len(rows), (metric.name, key)
            assert values.means == pytest.approx(rows.mean(axis=0)), (metric.name, key)
            products = np.array(values.products)
            assert products == pytest.approx(centred.T @ centred, abs=1e-9), (metric.name, key)
        assert sum(cell.values.count for cell in cells.values()) == sum(map(len, expected.values()))


async def test_late_and_outside_outcomes_are_counted_apart(store: Store) -> None:
    _, found, oracle = await read(store)

    cells = found.cells["bought"]
    known = {exposure.unit for exposure in oracle.exposures}
    spends = sum(o.metric == "spend" and o.unit in known for o in oracle.outcomes)
    analysed = sum(cell.values.count for cell in cells)

    assert sum(cell.late for cell in cells) > 0
    assert analysed < len(known)
    assert sum(cell.outcomes + cell.outside + cell.late for cell in cells) <= spends
    unlimited = found.cells["capped"]
    assert sum(cell.late for cell in unlimited) == 0
    assert sum(cell.outcomes + cell.outside for cell in unlimited) == spends


async def test_a_quantile_is_that_of_all_its_units(store: Store) -> None:
    experiment, found, oracle = await read(store)

    rows = oracle.rows(experiment, next(metric for metric in METRICS if metric.name == "median"))
    for arm in ("champion", "challenger"):
        values = np.concatenate([cell[:, 0] for (of, _), cell in rows.items() if of == arm])
        expected = QuantileBounds.of(values, level=0.5)
        bounds = found.quantiles["median"][arm]
        assert isinstance(bounds, QuantileBounds)
        assert isinstance(expected, QuantileBounds)
        assert (bounds.count, bounds.lower, bounds.upper) == (
            expected.count,
            expected.lower,
            expected.upper,
        )
        assert bounds.estimate == pytest.approx(float(np.quantile(values, 0.5)))


async def test_a_definition_that_says_the_same_is_the_same_version(store: Store) -> None:
    async def define(name: str, body: str) -> int:
        async with store.transaction() as tx:
            return (await tx.add_definition(DefinitionKind.METRIC, name, body, at=NOON)).version

    versions = [await define("a", "1"), await define("a", "1"), await define("a", "2")]
    other = await define("b", "1")

    async with store.reading() as reading:
        newest = await reading.get_definition(DefinitionKind.METRIC, "a")
        first = await reading.get_definition(DefinitionKind.METRIC, "a", 1)
        each = await reading.list_definitions(DefinitionKind.METRIC)
        of_a = await reading.list_definitions(DefinitionKind.METRIC, "a")
        with pytest.raises(NotFound) as caught:
            await reading.get_definition(DefinitionKind.METRIC, "a", 3)
    assert versions == [1, 1, 2]
    assert other == 1
    assert (newest.version, newest.body, first.body) == (2, "2", "1")
    assert [(found.id, found.version) for found in each] == [("a", 2), ("b", 1)]
    assert [found.version for found in of_a] == [2, 1]
    assert caught.value.reason == "METRIC_NOT_FOUND"
