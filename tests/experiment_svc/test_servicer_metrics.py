from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import pytest

from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import experiment_pb2, measures_pb2
from algolink.experiment.v1 import metrics_pb2 as pb
from algolink.experiment.v1.experiment_pb2_grpc import ExperimentServiceStub
from algolink.experiment.v1.metrics_pb2_grpc import MetricServiceStub
from chassis import errors
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import (
    NOON,
    FakeClock,
    an_experiment_message,
    an_exposure,
    an_outcome,
)

DAY_MS = 86_400_000


async def refusal(call: Awaitable[Any]) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc_error(caught.value)


async def define(stub: MetricServiceStub, metric_id: str, **fields: Any) -> pb.MetricVersion:
    request = pb.CreateMetricRequest(metric_id=metric_id, metric=pb.MetricVersion(**fields))
    made: pb.MetricVersion = await stub.CreateMetric(request)
    return made


def an_experiment(*metrics: measures_pb2.ExperimentMetric) -> experiment_pb2.Experiment:
    message = an_experiment_message()
    message.ClearField("primary_metric")
    message.metrics.extend(metrics)
    return message


def use(metric: str, role: str, margin: float = 0.0) -> measures_pb2.ExperimentMetric:
    return measures_pb2.ExperimentMetric(
        metric=f"metrics/{metric}", role=f"METRIC_ROLE_{role}", margin=margin
    )


async def create(
    stub: ExperimentServiceStub, experiment: experiment_pb2.Experiment
) -> experiment_pb2.Experiment:
    made: experiment_pb2.Experiment = await stub.CreateExperiment(
        experiment_pb2.CreateExperimentRequest(experiment_id="digits", experiment=experiment)
    )
    return made


async def test_a_definition_comes_back_as_it_was_given(metric_stub: MetricServiceStub) -> None:
    given = {
        "kind": pb.METRIC_KIND_RATIO,
        "outcome": "revenue",
        "denominator": "visits",
        "window_ms": DAY_MS,
        "lateness_ms": 0,
        "covariate": pb.Covariate(outcome="revenue", denominator="visits", period_ms=DAY_MS),
        "minimum_effect": 0.5,
        "description": "money",
    }

    made = await define(metric_stub, "per-visit", **given)

    assert made.name == "metrics/per-visit/versions/1"
    assert made.direction == experiment_pb2.DIRECTION_INCREASE
    assert made.HasField("lateness_ms")
    assert not made.HasField("upper_cap")
    assert made.covariate == given["covariate"]
    assert made.create_time.ToDatetime() == NOON.replace(tzinfo=None)
    read = await metric_stub.GetMetric(pb.GetMetricRequest(name="metrics/per-visit"))
    assert read == made


async def test_the_same_again_is_the_same_version_and_another_is_the_next(
    metric_stub: MetricServiceStub,
) -> None:
    first = await define(metric_stub, "spend", kind=pb.METRIC_KIND_MEAN)
    again = await define(metric_stub, "spend", kind=pb.METRIC_KIND_MEAN)
    other = await define(metric_stub, "spend", kind=pb.METRIC_KIND_MEAN, upper_cap=100.0)

    assert again == first
    assert other.name == "metrics/spend/versions/2"
    listed = await metric_stub.ListMetrics(pb.ListMetricsRequest(metric="metrics/spend"))
    assert list(listed.metrics) == [other, first]
    newest = await metric_stub.ListMetrics(pb.ListMetricsRequest())
    assert list(newest.metrics) == [other]


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "kind"),
    ({"kind": pb.METRIC_KIND_RATIO}, "denominator"),
    ({"kind": pb.METRIC_KIND_MEAN, "denominator": "visits"}, "denominator"),
    ({"kind": pb.METRIC_KIND_QUANTILE}, "level"),
    ({"kind": pb.METRIC_KIND_QUANTILE, "level": 1.0}, "level"),
    ({"kind": pb.METRIC_KIND_SLOW_SHARE}, "threshold_ms"),
    ({"kind": pb.METRIC_KIND_MEAN, "threshold_ms": 5}, "threshold_ms"),
    ({"kind": pb.METRIC_KIND_ERROR_RATE, "outcome": "errors"}, "outcome"),
    ({"kind": pb.METRIC_KIND_ERROR_RATE, "direction": 1}, "direction"),
    ({"kind": pb.METRIC_KIND_MEAN, "lower_cap": 2.0, "upper_cap": 1.0}, "upper_cap"),
    ({"kind": pb.METRIC_KIND_MEAN, "upper_cap": float("nan")}, "upper_cap"),
    ({"kind": pb.METRIC_KIND_BINARY, "upper_cap": 1.0}, "upper_cap"),
    ({"kind": pb.METRIC_KIND_BINARY, "aggregation": 2}, "aggregation"),
    ({"kind": pb.METRIC_KIND_MEAN, "lateness_ms": 1}, "lateness"),
    ({"kind": pb.METRIC_KIND_MEAN, "minimum_effect": -1.0}, "minimum_effect"),
    (
        {"kind": pb.METRIC_KIND_ERROR_RATE, "covariate": pb.Covariate(outcome="x", period_ms=1)},
        "covariate",
    ),
    (
        {"kind": pb.METRIC_KIND_MEAN, "covariate": pb.Covariate(outcome="x")},
        "covariate.period",
    ),
    (
        {
            "kind": pb.METRIC_KIND_RATIO,
            "denominator": "visits",
            "covariate": pb.Covariate(outcome="x", period_ms=1),
        },
        "covariate.denominator",
    ),
]


@pytest.mark.parametrize(("fields", "field"), BAD)
async def test_a_definition_that_means_nothing_is_refused(
    metric_stub: MetricServiceStub, fields: dict[str, Any], field: str
) -> None:
    error = await refusal(define(metric_stub, "m", **fields))

    assert error.reason == "METRIC_INVALID"
    assert error.metadata["field"] == field


@pytest.mark.parametrize("name", ["metrics/", "revenue", "metrics/a/versions/0", "metrics/a/b"])
async def test_a_name_that_is_none_is_refused(metric_stub: MetricServiceStub, name: str) -> None:
    error = await refusal(metric_stub.GetMetric(pb.GetMetricRequest(name=name)))

    assert error.reason in ("METRIC_NAME_INVALID", "METRIC_INVALID")


async def test_an_experiment_keeps_the_version_that_it_was_made_with(
    metric_stub: MetricServiceStub, experiment_stub: ExperimentServiceStub
) -> None:
    await define(metric_stub, "spend", kind=pb.METRIC_KIND_MEAN)
    made = await create(experiment_stub, an_experiment(use("spend", "PRIMARY")))
    await define(metric_stub, "spend", kind=pb.METRIC_KIND_COUNT)

    read = await experiment_stub.GetExperiment(
        experiment_pb2.GetExperimentRequest(name="experiments/digits")
    )

    assert [one.metric for one in made.metrics] == ["metrics/spend/versions/1"]
    assert read.metrics == made.metrics
    assert not made.HasField("primary_metric")


@pytest.mark.parametrize(
    ("uses", "reason"),
    [
        ([use("spend", "PRIMARY"), use("spend", "SECONDARY")], "METRICS_INVALID"),
        ([use("spend", "PRIMARY"), use("errors", "PRIMARY")], "METRICS_INVALID"),
        ([use("spend", "SECONDARY")], "METRICS_INVALID"),
        ([use("spend", "GUARDRAIL")], "METRIC_INVALID"),
        ([use("spend", "DIAGNOSTIC", 0.1)], "METRIC_INVALID"),
        ([use("spend", "PRIMARY", -0.1)], "METRIC_INVALID"),
        ([use("spend", "UNSPECIFIED")], "METRIC_INVALID"),
        ([use("p99", "PRIMARY")], "METRIC_INVALID"),
        ([use("p99", "GUARDRAIL", 0.1)], "METRIC_INVALID"),
        ([use("nothing", "PRIMARY")], "METRIC_NOT_FOUND"),
        ([use("spend/versions/2", "PRIMARY")], "METRIC_NOT_FOUND"),
    ],
)
async def test_metrics_that_could_not_decide_are_refused(
    metric_stub: MetricServiceStub,
    experiment_stub: ExperimentServiceStub,
    uses: list[measures_pb2.ExperimentMetric],
    reason: str,
) -> None:
    await define(metric_stub, "spend", kind=pb.METRIC_KIND_MEAN)
    await define(metric_stub, "errors", kind=pb.METRIC_KIND_ERROR_RATE)
    await define(metric_stub, "p99", kind=pb.METRIC_KIND_LATENCY_QUANTILE, level=0.99)

    error = await refusal(create(experiment_stub, an_experiment(*uses)))

    assert error.reason == reason


async def test_a_rule_that_concludes_needs_a_primary_metric(
    metric_stub: MetricServiceStub, experiment_stub: ExperimentServiceStub
) -> None:
    await define(metric_stub, "errors", kind=pb.METRIC_KIND_ERROR_RATE)
    wanted = an_experiment(use("errors", "GUARDRAIL", 0.5))
    wanted.rule.auto_conclude = True

    assert (await refusal(create(experiment_stub, wanted))).reason == "RULE_INVALID"


async def test_results_hold_every_metric_from_the_facts(
    metric_stub: MetricServiceStub,
    experiment_stub: ExperimentServiceStub,
    memory_store: MemoryStore,
    clock: FakeClock,
) -> None:
    """A canary that fails a tenth of its units, against none of the champion's."""
    await define(metric_stub, "errors", kind=pb.METRIC_KIND_ERROR_RATE)
    await define(metric_stub, "per-visit", kind=pb.METRIC_KIND_RATIO, denominator="visits")
    await define(metric_stub, "slowest", kind=pb.METRIC_KIND_QUANTILE, level=0.9, outcome="ms")
    await create(
        experiment_stub,
        an_experiment(
            use("errors", "GUARDRAIL", 0.2),
            use("per-visit", "SECONDARY"),
            use("slowest", "DIAGNOSTIC"),
        ),
    )
    await experiment_stub.StartExperiment(
        experiment_pb2.StartExperimentRequest(name="experiments/digits")
    )
    exposures, outcomes = [], []
    for number in range(2_000):
        arm = "challenger" if number % 10 == 0 else "champion"
        unit = f"user-{number}"
        status = 503 if arm == "challenger" and number % 100 == 0 else 200
        exposures.append(an_exposure(unit=unit, arm=arm, http_status=status))
        for metric, value in (
            ("per-visit", number % 7),
            ("visits", 1 + number % 3),
            ("ms", number),
        ):
            outcomes.append(
                an_outcome(unit=unit, metric=metric, value=value, at=NOON + timedelta(seconds=1))
            )
    async with memory_store.transaction() as tx:
        await tx.add_exposures(exposures, node="node-1")
        await tx.add_outcomes([outcomes])
    clock.advance(minutes=1)

    found = await experiment_stub.GetResults(
        experiment_pb2.GetResultsRequest(name="experiments/digits")
    )

    errors_found, ratio, quantile = found.metrics
    assert [arm.estimate for arm in errors_found.arms] == pytest.approx([0.0, 0.1])
    assert errors_found.comparisons[0].standing == measures_pb2.STANDING_INFERIOR
    assert errors_found.comparisons[0].harm_p_value < 1e-6
    champion = [n for n in range(2_000) if n % 10]
    expected = sum(n % 7 for n in champion) / sum(1 + n % 3 for n in champion)
    assert ratio.arms[0].estimate == pytest.approx(expected)
    assert ratio.comparisons[0].adjusted_p_value >= ratio.comparisons[0].p_value
    assert quantile.arms[0].estimate == pytest.approx(1_799, abs=2)
    assert "not compared" in quantile.comparisons[0].undefined_reason
    assert "inferior" in found.recommendation
    assert (found.recommended_winner, list(found.comparisons)) == ("", [])
