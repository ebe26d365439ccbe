from __future__ import annotations

import math
from collections.abc import Awaitable
from typing import Any

import grpc
import numpy as np
import pytest

from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import measures_pb2, metrics_pb2
from algolink.experiment.v1 import plans_pb2 as pb
from algolink.experiment.v1.metrics_pb2_grpc import MetricServiceStub
from algolink.experiment.v1.plans_pb2_grpc import PlanServiceStub
from chassis import errors
from experiment_svc.stats import sample_size
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import (
    FakeClock,
    a_running,
    an_experiment_message,
    an_exposure,
    an_outcome,
)

HALF = [("champion", 1, 5_000), ("challenger", 2, 5_000)]


async def refusal(call: Awaitable[Any]) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc_error(caught.value)


async def define(stub: MetricServiceStub, **fields: Any) -> None:
    metric = metrics_pb2.MetricVersion(kind=metrics_pb2.METRIC_KIND_MEAN, **fields)
    await stub.CreateMetric(metrics_pb2.CreateMetricRequest(metric_id="spend", metric=metric))


def a_request(
    weights: list[tuple[str, int, int]] = HALF, **fields: Any
) -> pb.PlanExperimentRequest:
    experiment = an_experiment_message(weights)
    experiment.ClearField("primary_metric")
    use = measures_pb2.ExperimentMetric(metric="metrics/spend", role="METRIC_ROLE_PRIMARY")
    experiment.metrics.append(use)
    return pb.PlanExperimentRequest(experiment=experiment, **fields)


async def test_a_plan_rests_on_the_newest_experiments_control(
    plan_stub: PlanServiceStub,
    metric_stub: MetricServiceStub,
    memory_store: MemoryStore,
    clock: FakeClock,
) -> None:
    """The earlier one measured something else: its units are measured anew."""
    await define(metric_stub, minimum_effect=0.2)
    values = np.random.default_rng(3).gamma(2.0, 2.0, 1_500)
    exposures, outcomes = [], []
    for number, value in enumerate(values):
        arm = "challenger" if number % 3 == 0 else "champion"
        exposures.append(an_exposure(unit=f"u{number}", arm=arm))
        outcomes.append(an_outcome(unit=f"u{number}", metric="spend", value=float(value)))
    async with memory_store.transaction() as tx:
        await tx.add_experiment(a_running())
        await tx.add_exposures(exposures, node="node-1")
        await tx.add_outcomes([outcomes])
    clock.advance(days=3)

    plan = await plan_stub.PlanExperiment(a_request())

    control = values[np.arange(1_500) % 3 != 0]
    expected = sample_size.sequential_total(
        variance=float(control.var(ddof=1)), mde=0.2, alpha=0.05, power=0.8
    )
    assert (plan.source, plan.source_units) == ("experiments/digits", 1_000)
    assert plan.mean == pytest.approx(control.mean())
    assert plan.deviation == pytest.approx(control.std(ddof=1))
    assert plan.units == math.ceil(expected)
    assert plan.optimal_units == round(expected)
    assert plan.fixed_units < plan.units
    assert plan.units_per_day == pytest.approx(500.0)
    assert plan.days == 7 * math.ceil(plan.units / 500.0 / 7.0)


async def test_a_canary_and_more_arms_take_longer(
    plan_stub: PlanServiceStub, metric_stub: MetricServiceStub
) -> None:
    await define(metric_stub, minimum_effect=0.2)
    canary = [("champion", 1, 9_000), ("challenger", 2, 1_000)]
    thirds = [("a", 1, 3_334), ("b", 2, 3_333), ("c", 3, 3_333)]

    half, small, three = [
        await plan_stub.PlanExperiment(a_request(weights, deviation=3.0, units_per_day=1_000.0))
        for weights in (HALF, canary, thirds)
    ]

    assert small.units == pytest.approx(half.units * 0.25 / 0.09, rel=1e-3)
    assert three.units > half.units
    assert three.alpha == half.alpha / 2
    assert half.source == ""
    assert half.days == 7 * math.ceil(half.units / 7_000)


async def test_without_traffic_nobody_knows_how_long(
    plan_stub: PlanServiceStub, metric_stub: MetricServiceStub
) -> None:
    await define(metric_stub, minimum_effect=0.2)

    plan = await plan_stub.PlanExperiment(a_request(deviation=3.0))

    assert not plan.HasField("days")
    assert not plan.HasField("units_per_day")


@pytest.mark.parametrize(
    ("minimum_effect", "fields", "reason", "said"),
    [
        (0.0, {"deviation": 1.0}, "PLAN_IMPOSSIBLE", "no minimum_effect"),
        (0.2, {}, "PLAN_IMPOSSIBLE", "was ever started"),
        (0.2, {"deviation": -1.0}, "PLAN_IMPOSSIBLE", "deviation is -1"),
        (0.2, {"deviation": 1.0, "units_per_day": math.nan}, "PLAN_IMPOSSIBLE", "units_per_day"),
        (0.2, {"deviation": 1.0, "power": 1.0}, "POWER_INVALID", "power is 1"),
    ],
)
async def test_what_cannot_be_planned_says_why(
    plan_stub: PlanServiceStub,
    metric_stub: MetricServiceStub,
    minimum_effect: float,
    fields: dict[str, Any],
    reason: str,
    said: str,
) -> None:
    await define(metric_stub, minimum_effect=minimum_effect)

    error = await refusal(plan_stub.PlanExperiment(a_request(**fields)))

    assert error.reason == reason
    assert said in error.message
