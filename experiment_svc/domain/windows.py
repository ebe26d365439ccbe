"""When an outcome counts for a unit.

A unit's window begins with its first exposure, and closes after the metric's
window, or when its phase ends, whichever is first: at a ramp all open windows
of the ended phase are cut at the same moment in all arms. A metric without a
window has only the phase's end.

A unit is analysed once its window has closed, so that its value stays; without
a window, at once. A unit whose phase had ended before its first exposure (a
data plane that had the old table for a moment longer) has no window and is
never analysed, in whichever arm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from experiment_svc.domain.design import Aggregation
from experiment_svc.domain.experiments import Experiment

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open stretch of time whose outcomes count.

    Attributes:
        start: the unit's first exposure.
        end: when it closes.
        analysed: whether the unit is analysed.
    """

    start: datetime
    end: datetime
    analysed: bool

    def __contains__(self, time: datetime) -> bool:
        return self.start <= time < self.end


def window(experiment: Experiment, *, phase: int, first: datetime, at: datetime) -> Window:
    """Window of a unit.

    Args:
        phase: of its first exposure.
        first: when that was.
        at: now.
    """
    ends = (run.end for run in experiment.phases if run.number == phase and run.end)
    end = next(ends, _NEVER)
    length = experiment.metric.window
    if length:
        end = min(end, first + length)
    return Window(first, end, first < end and (not length or end <= at))


def value(aggregation: Aggregation, outcomes: list[float]) -> float | None:
    """Value of an analysed unit; None if it has none.

    Args:
        outcomes: those in its window.
    """
    match aggregation:
        case Aggregation.ANY:
            return 1.0 if any(outcome > 0.0 for outcome in outcomes) else 0.0
        case Aggregation.SUM:
            return sum(outcomes)
        case Aggregation.MEAN:
            return sum(outcomes) / len(outcomes) if outcomes else None
