"""What is counted from exposures as they come in, in values that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from experiment_svc.domain import latency
from experiment_svc.domain.facts import Exposure, failed


@dataclass(slots=True)
class UnitState:
    """A unit of one experiment: where it was first, and whether it was elsewhere too.

    Merging is commutative, so the order in which facts arrive does not matter.

    Attributes:
        first: (time, phase, arm) of the earliest exposure; ties go to the
            earlier phase, then to the arm that sorts first.
        crossed: whether it was exposed to another arm as well.
    """

    first: tuple[datetime, int, str]
    crossed: bool = False

    def __add__(self, other: UnitState) -> UnitState:
        return UnitState(
            min(self.first, other.first),
            self.crossed or other.crossed or self.first[2] != other.first[2],
        )


@dataclass(slots=True)
class Increment:
    """What new exposures add to the counters.

    Attributes:
        units: by (experiment, unit).
        requests: by (experiment, arm, phase).
        failures: by (experiment, arm, phase).
        latency: requests by (experiment, arm, bucket of the latency).
    """

    units: dict[tuple[str, str], UnitState] = field(default_factory=dict)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    failures: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    latency: Counter[tuple[str, str, int]] = field(default_factory=Counter)


def increment(exposures: Iterable[Exposure]) -> Increment:
    """Sums up new facts; what is no exposure adds nothing."""
    total = Increment()
    for exposure in exposures:
        if not exposure.counts:
            continue
        experiment, arm, phase = exposure.experiment, exposure.arm, exposure.phase
        seen = UnitState((exposure.time, phase, arm))
        known = total.units.get((experiment, exposure.unit))
        total.units[experiment, exposure.unit] = known + seen if known else seen
        total.requests[experiment, arm, phase] += 1
        if failed(exposure):
            total.failures[experiment, arm, phase] += 1
        total.latency[experiment, arm, latency.bucket(exposure.duration_us)] += 1
    return total
