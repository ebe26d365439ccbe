"""From cells to comparisons, against estimators written down anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pytest

from experiment_svc.domain import decisions, experiments, results
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.comparing import Comparison, Effect
from experiment_svc.domain.design import Rule
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import (
    Aggregation,
    Covariate,
    Direction,
    Kind,
    Measure,
    Metric,
    Role,
)
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.non_inferiority import Standing
from tests.experiment_svc.builders import NOON, a_metric, a_running, primary

HALF = {"a": 5_000, "b": 5_000}
CANARY = {"a": 9_000, "b": 1_000}

Rows = npt.NDArray[np.float64]


def a_ratio(covariate: Covariate | None = None) -> Metric:
    return Metric(
        name="per-visit",
        kind=Kind.RATIO,
        aggregation=Aggregation.SUM,
        direction=Direction.INCREASE,
        outcome="spend",
        denominator="visits",
        covariate=covariate,
    )


def an_error_rate() -> Metric:
    return Metric(
        name="errors",
        kind=Kind.ERROR_RATE,
        aggregation=Aggregation.ANY,
        direction=Direction.DECREASE,
    )


def cells(rows: Mapping[tuple[str, int], Rows]) -> list[Cell]:
    return [
        Cell(
            arm=arm,
            phase=phase,
            units=len(values),
            crossed=0,
            values=JointMoments.of(values),
            outcomes=len(values),
            outside=0,
        )
        for (arm, phase), values in rows.items()
    ]


def compare(
    experiment: Experiment, rows: Mapping[str, Mapping[tuple[str, int], Rows]], name: str
) -> list[Comparison]:
    facts = Aggregates(cells={metric: cells(of) for metric, of in rows.items()})
    found = results.compute(experiment, facts, at=NOON)
    return list(next(m for m in found.measured if m.measure.metric.name == name).comparisons)


def effect(comparison: Comparison) -> Effect:
    assert isinstance(comparison.effect, Effect)
    return comparison.effect


def with_events(count: int, events: int) -> Rows:
    return np.repeat([1.0, 0.0], [events, count - events])[:, None]


def a_guarded(weights: Mapping[str, int], *, margin: float = 0.2) -> Experiment:
    errors = Measure(metric=an_error_rate(), role=Role.GUARDRAIL, margin=margin)
    return a_running(weights=weights, measures=[primary(a_metric()), errors])


def test_a_ratios_effect_is_the_difference_of_the_ratios() -> None:
    generator = np.random.default_rng(1)
    rows = {(arm, 1): generator.gamma(2.0, 1.0, (800, 2)) for arm in HALF}
    rows["b", 1][:, 0] *= 1.3
    experiment = a_running(weights=HALF, measures=[primary(a_ratio())])

    (found,) = compare(experiment, {"per-visit": rows}, "per-visit")

    of = {arm: rows[arm, 1].sum(axis=0) for arm in HALF}
    expected = of["b"][0] / of["b"][1] - of["a"][0] / of["a"][1]
    assert effect(found).value == pytest.approx(expected)
    assert effect(found).p_value < 0.05


def test_a_covariate_narrows_the_interval_and_leaves_the_effect() -> None:
    generator = np.random.default_rng(2)
    rows = {}
    for arm, lift in (("a", 0.0), ("b", 0.2)):
        before = generator.normal(10.0, 3.0, 2_000)
        rows[arm, 1] = np.column_stack([before + generator.normal(lift, 1.0, 2_000), before])
    plain = Metric(
        name="spend", aggregation=Aggregation.SUM, direction=Direction.INCREASE, outcome="spend"
    )
    covariate = Covariate(outcome="spend", period=timedelta(days=7))
    adjusted = Metric(
        name="spend",
        aggregation=Aggregation.SUM,
        direction=Direction.INCREASE,
        outcome="spend",
        covariate=covariate,
    )

    of_plain = effect(
        compare(
            a_running(weights=HALF, measures=[primary(plain)]),
            {"spend": {key: values[:, :1] for key, values in rows.items()}},
            "spend",
        )[0]
    )
    of_adjusted = effect(
        compare(a_running(weights=HALF, measures=[primary(adjusted)]), {"spend": rows}, "spend")[0]
    )

    assert of_adjusted.value == pytest.approx(0.2, abs=0.1)
    assert (of_adjusted.upper - of_adjusted.lower) * 2.5 < of_plain.upper - of_plain.lower


def test_a_guardrail_is_broken_where_the_exact_count_says_so() -> None:
    primary_rows = {(arm, 1): with_events(100, 50) for arm in CANARY}
    bad = {("a", 1): with_events(9_000, 18), ("b", 1): with_events(1_000, 20)}
    same = {("a", 1): with_events(9_000, 18), ("b", 1): with_events(1_000, 2)}

    (broken,) = compare(a_guarded(CANARY), {"correct": primary_rows, "errors": bad}, "errors")
    (alike,) = compare(a_guarded(CANARY), {"correct": primary_rows, "errors": same}, "errors")

    assert broken.against is not None
    assert broken.against.standing is Standing.INFERIOR
    assert broken.against.harm_p is not None
    assert broken.against.harm_p < 0.001
    assert alike.against is not None
    assert alike.against.standing is Standing.UNDECIDED
    assert alike.against.harm_p == 1.0


def test_a_guardrail_is_clear_once_the_interval_lies_within_the_margin() -> None:
    rows = {(arm, 1): with_events(40_000, 8_000) for arm in HALF}
    experiment = a_guarded(HALF, margin=0.2)

    (found,) = compare(experiment, {"correct": rows, "errors": rows}, "errors")

    assert found.against is not None
    assert found.against.standing is Standing.NON_INFERIOR
    assert found.against.limit == pytest.approx(0.04)


def test_units_without_any_event_in_both_arms_are_no_harm() -> None:
    none = {(arm, 1): with_events(500, 0) for arm in HALF}

    (found,) = compare(a_guarded(HALF), {"correct": none, "errors": none}, "errors")

    assert not isinstance(found.effect, Effect)
    assert found.against is not None
    assert found.against.harm_p == 1.0


def test_where_more_is_better_fewer_events_are_harm() -> None:
    conversion = Measure(
        metric=a_metric(aggregation=Aggregation.ANY), role=Role.GUARDRAIL, margin=0.1
    )
    experiment = a_running(weights=HALF, measures=[conversion])
    rows = {("a", 1): with_events(2_000, 400), ("b", 1): with_events(2_000, 200)}

    (found,) = compare(experiment, {"correct": rows}, "correct")

    assert found.against is not None
    assert found.against.standing is Standing.INFERIOR


def test_evidence_of_harm_multiplies_over_phases_each_with_its_own_shares() -> None:
    ramped = experiments.ramp(a_guarded(CANARY), HALF, at=NOON)
    fine = {("a", 1): with_events(9_000, 90), ("b", 1): with_events(1_000, 10)}
    balanced = {("a", 2): with_events(5_000, 50), ("b", 2): with_events(5_000, 50)}
    as_if_pooled = {**fine, **balanced}
    correct = {key: with_events(100, 50) for key in as_if_pooled}

    (found,) = compare(ramped, {"correct": correct, "errors": as_if_pooled}, "errors")

    assert found.against is not None
    assert found.against.harm_p == 1.0


def test_a_harmed_arm_cannot_win() -> None:
    experiment = a_running(
        weights=HALF,
        rule=Rule(auto_conclude=True),
        measures=a_guarded(HALF).measures,
    )
    better = {("a", 1): with_events(1_000, 200), ("b", 1): with_events(1_000, 800)}
    failing = {("a", 1): with_events(1_000, 5), ("b", 1): with_events(1_000, 100)}

    def recommended(errors: Mapping[tuple[str, int], Rows]) -> decisions.Recommendation:
        facts = Aggregates(cells={"correct": cells(better), "errors": cells(errors)})
        return decisions.recommend(experiment, results.compute(experiment, facts, at=NOON))

    assert recommended({key: with_events(1_000, 5) for key in better}).winner == "b"
    assert recommended(failing).winner == ""
    assert "a guardrail is broken" in recommended(failing).reason


def test_guardrails_share_the_error_rate_and_secondary_metrics_are_adjusted() -> None:
    rows = {("a", 1): with_events(900, 450), ("b", 1): with_events(900, 520)}
    names = ["s1", "s2", "s3"]
    secondary = [
        Measure(
            metric=Metric(
                name=name,
                kind=Kind.BINARY,
                aggregation=Aggregation.ANY,
                direction=Direction.INCREASE,
                outcome=name,
            ),
            role=Role.SECONDARY,
        )
        for name in names
    ]
    experiment = a_running(weights=HALF, measures=[primary(a_metric()), *secondary])
    facts = Aggregates(cells={name: cells(rows) for name in ["correct", *names]})

    found = results.compute(experiment, facts, at=NOON).measured

    raw = effect(found[1].comparisons[0]).p_value
    assert raw == effect(found[0].comparisons[0]).p_value
    assert [one.adjusted_p["b"] for one in found[1:]] == pytest.approx([min(1.0, 3 * raw)] * 3)
    assert found[0].adjusted_p == {}
