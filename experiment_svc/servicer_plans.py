"""PlanService: what an experiment will need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import grpc

from algolink.experiment.v1 import plans_pb2 as pb
from algolink.experiment.v1 import plans_pb2_grpc as rpc
from algolink.names import ExperimentName
from experiment_svc import drafting
from experiment_svc.domain import planning
from experiment_svc.domain.aggregates import Cell
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Measure
from experiment_svc.domain.planning import Baseline, Plan
from experiment_svc.store import Reading, Store

Context = grpc.aio.ServicerContext[Any, Any]

_POWER = 0.8
_LOOKED_AT = 100
"""Newest experiments of the model among which one that was started is looked for."""

_LEAST_SPAN = timedelta(hours=1)
"""A rate of units is not taken from less."""


class PlanServicer(rpc.PlanServiceServicer):
    """Plans over a store.

    Args:
        now: the clock; UTC.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def PlanExperiment(self, request: pb.PlanExperimentRequest, context: Context) -> pb.Plan:
        at = self._now()
        draft = await drafting.draft(
            self._store, request.experiment, name=ExperimentName("plan"), suffix="0" * 8, at=at
        )
        for field in ("deviation", "units_per_day"):
            value = getattr(request, field)
            if not 0.0 <= value < math.inf:
                raise planning.impossible(f"{field} is {value}: it must be positive")
        primary = draft.primary
        if primary is None:
            raise planning.impossible("there is no primary metric to plan for")
        async with self._store.reading() as reading:
            earlier = await _earlier(reading, draft)
            cells = await _measured(reading, earlier, primary, at) if earlier else []
        rate = request.units_per_day or _rate(earlier, cells, at)
        if request.deviation:
            known = Baseline(mean=None, deviation=request.deviation, units_per_day=rate, units=0)
        elif earlier is None:
            raise planning.impossible(
                f"no experiment on {draft.model} was ever started: give the deviation of a unit"
            )
        else:
            own = [cell for cell in cells if cell.arm == earlier.control.id]
            largest = max(own, key=lambda cell: cell.values.count, default=None)
            if largest is None:
                raise planning.impossible(f"{earlier.name} has no units: give the deviation")
            known = planning.baseline(primary.metric, largest, units_per_day=rate)
        return _to_proto(planning.plan(draft, known, power=request.power or _POWER), earlier)


async def _earlier(reading: Reading, draft: Experiment) -> Experiment | None:
    """The newest experiment of the model that was started."""
    found = await reading.list_experiments(limit=_LOOKED_AT, model=draft.model)
    return next((experiment for experiment in found if experiment.phases), None)


async def _measured(
    reading: Reading, earlier: Experiment, primary: Measure, at: datetime
) -> list[Cell]:
    """Units of the earlier experiment, as if it had measured this metric."""
    measuring = replace(earlier, measures=(primary,))
    facts = await reading.get_aggregates(measuring, at=at)
    return list(facts.cells.get(primary.metric.name, ()))


def _rate(earlier: Experiment | None, cells: list[Cell], at: datetime) -> float | None:
    """New units in a day of the earlier experiment; None if it was too short to say."""
    if earlier is None or earlier.start_time is None:
        return None
    span = min(at, earlier.end_time or at) - earlier.start_time
    units = sum(cell.units for cell in cells)
    return units / (span / timedelta(days=1)) if units and span >= _LEAST_SPAN else None


def _to_proto(plan: Plan, earlier: Experiment | None) -> pb.Plan:
    known = plan.baseline
    used = earlier is not None and (known.units or known.units_per_day)
    return pb.Plan(
        source=str(earlier.name) if earlier and used else "",
        source_units=known.units,
        mean=known.mean,
        deviation=known.deviation,
        minimum_effect=plan.minimum_effect,
        alpha=plan.alpha,
        power=plan.power,
        units=math.ceil(plan.units),
        fixed_units=math.ceil(plan.fixed_units),
        units_per_day=known.units_per_day,
        days=plan.days,
        optimal_units=plan.optimal_units,
    )
