"""What the results need of the facts: values that add up, per arm and phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.quantile import QuantileBounds
from experiment_svc.stats.undefined import Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Units whose first exposure was to one arm in one phase, under one metric.

    Attributes:
        units: all of them.
        crossed: those later exposed to another arm.
        values: of the units that have one: the value, a ratio's denominator, the
            covariate, as the metric has them.
        outcomes: that these values rest on.
        outside: outcomes of the metric outside their unit's window.
        late: outcomes in the window that were received too late to count.
        newest: first exposure of the newest unit; UTC.
    """

    arm: str
    phase: int
    units: int
    crossed: int
    values: JointMoments
    outcomes: int
    outside: int
    late: int = 0
    newest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregates:
    """All that the results need of the facts.

    Attributes:
        cells: by metric; of each at most one per arm and phase.
        quantiles: by metric and arm, over all phases.
        requests: by (arm, phase).
        failures: by (arm, phase).
        latency: requests by bucket, by arm.
        redelivered: facts that came again, in all experiments.
        conflicts: facts that came again with other content, in all experiments.
        lowest_p: smallest p-value so far, by what it is of (see `results`).
    """

    cells: Mapping[str, Sequence[Cell]] = field(default_factory=dict)
    quantiles: Mapping[str, Mapping[str, QuantileBounds | Undefined]] = field(default_factory=dict)
    requests: Mapping[tuple[str, int], int] = field(default_factory=dict)
    failures: Mapping[tuple[str, int], int] = field(default_factory=dict)
    latency: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    redelivered: int = 0
    conflicts: int = 0
    lowest_p: Mapping[str, float] = field(default_factory=dict)

    def rounded(self) -> Self:
        """With sums as they are the same however they were added up.

        A database adds in the order that suits it, so the last digits of a sum differ
        from time to time. What is decided is computed from these, so that whoever
        computes it again from the facts gets the same: means to 12 significant digits,
        products to 10.
        """
        return replace(
            self,
            cells={
                name: [replace(cell, values=_rounded(cell.values)) for cell in cells]
                for name, cells in self.cells.items()
            },
        )


def _rounded(values: JointMoments) -> JointMoments:
    return JointMoments(
        values.count,
        tuple(float(f"{mean:.12g}") for mean in values.means),
        tuple(tuple(float(f"{one:.10g}") for one in row) for row in values.products),
    )
