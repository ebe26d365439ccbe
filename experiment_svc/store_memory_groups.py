"""Units of one arm and phase, for the store in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from experiment_svc.domain import facts
from experiment_svc.domain.aggregates import Cell
from experiment_svc.domain.facts import Exposure
from experiment_svc.domain.metrics import Kind, Metric
from experiment_svc.domain.windows import UnitValue
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.quantile import QuantileBounds
from experiment_svc.stats.undefined import Undefined


@dataclass
class Group:
    """Units of one arm and phase."""

    units: int = 0
    crossed: int = 0
    values: list[tuple[float, ...]] = field(default_factory=list)
    inside: int = 0
    outside: int = 0
    late: int = 0

    newest: datetime | None = None

    def add(self, unit: UnitValue, *, crossed: bool, first: datetime) -> None:
        self.newest = max(self.newest or first, first)
        self.units += 1
        self.crossed += crossed
        self.inside += unit.inside
        self.outside += unit.outside
        self.late += unit.late
        if unit.values is not None:
            self.values.append(unit.values)

    def cell(self, metric: Metric, arm: str, phase: int) -> Cell:
        values = JointMoments.of(self.values) if self.values else JointMoments.empty(metric.size)
        return Cell(
            arm=arm,
            phase=phase,
            units=self.units,
            crossed=self.crossed,
            values=values,
            outcomes=self.inside,
            outside=self.outside,
            late=self.late,
            newest=self.newest,
        )


def has_event(metric: Metric, exposure: Exposure) -> bool:
    """Whether a request counts as 1 under a metric of requests."""
    match metric.kind:
        case Kind.ERROR_RATE:
            return facts.failed(exposure)
        case Kind.FALLBACK_RATE:
            return exposure.answered_version not in (0, exposure.assigned_version)
        case _:
            return exposure.duration_us > metric.threshold_ms * 1_000


def quantiles(
    metric: Metric, groups: Mapping[tuple[str, int], Group]
) -> dict[str, QuantileBounds | Undefined]:
    """Of each arm, over all phases."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for (arm, _), group in groups.items():
        values[arm] += [value for (value,) in group.values]
    return {
        arm: QuantileBounds.of(found, level=metric.level) for arm, found in values.items() if found
    }
