"""When an outcome counts for a unit, and what its outcomes become.

A unit's window begins with its first exposure, and closes after the metric's
window, or when its phase ends, whichever is first: at a ramp all open windows
of the ended phase are cut at the same moment in all arms. A metric without a
window has only the phase's end.

A unit is analysed once its window has closed and the allowed lateness is over,
so that its value stays; without a window, at once. A unit whose phase had ended
before its first exposure (a data plane that had the old table for a moment
longer) has no window and is never analysed, in whichever arm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Aggregation, Covariate, Metric

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """An outcome, or a request as one.

    Attributes:
        name: of the outcome; empty for a request.
        received: when it was stored; UTC.
    """

    name: str
    value: float
    time: datetime
    received: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open stretch of time whose outcomes count.

    Attributes:
        start: the unit's first exposure.
        end: when it closes.
        closes: what is received later does not count.
        analysed: whether the unit is analysed.
    """

    start: datetime
    end: datetime
    closes: datetime
    analysed: bool

    def __contains__(self, time: datetime) -> bool:
        return self.start <= time < self.end


@dataclass(frozen=True, slots=True)
class UnitValue:
    """A unit under one metric.

    Attributes:
        values: `Metric.size` of them; None if it is not analysed, or has none.
        inside: outcomes that count.
        outside: outcomes outside the window.
        late: outcomes in the window that were received too late.
    """

    values: tuple[float, ...] | None
    inside: int
    outside: int
    late: int


def window(
    experiment: Experiment, metric: Metric, *, phase: int, first: datetime, at: datetime
) -> Window:
    """Window of a unit.

    Args:
        metric: one of the experiment's.
        phase: of its first exposure.
        first: when that was.
        at: now.
    """
    ends = (run.end for run in experiment.phases if run.number == phase and run.end)
    end = next(ends, _NEVER)
    length = metric.window
    if length:
        end = min(end, first + length)
    closes = _NEVER if metric.lateness is None or end == _NEVER else end + metric.lateness
    waits = end if metric.lateness is None else closes
    return Window(first, end, closes, first < end and (not length or waits <= at))


def unit_value(metric: Metric, window: Window, events: Iterable[Event]) -> UnitValue:
    """What a unit's outcomes become.

    Args:
        events: of the unit, of all outcomes that the metric names.
    """
    inside: dict[str, list[float]] = {metric.outcome: [], metric.denominator: []}
    before: dict[str, list[float]] = {}
    outside = late = 0
    for event in events:
        covariate = metric.covariate
        if covariate and window.start - covariate.period <= event.time < window.start:
            before.setdefault(event.name, []).append(event.value)
        if event.name not in (metric.outcome, metric.denominator):
            continue
        taken = event.time in window and event.received < window.closes
        if taken:
            inside[event.name].append(event.value)
        if event.name == metric.outcome and not taken:
            late += event.time in window
            outside += event.time not in window
    if not window.analysed:
        return UnitValue(None, 0, outside, late)
    own = value(metric.aggregation, inside[metric.outcome])
    values = None if own is None else (_capped(metric, own), *_others(metric, inside, before))
    return UnitValue(values, len(inside[metric.outcome]), outside, late)


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
        case Aggregation.COUNT:
            return float(len(outcomes))
        case Aggregation.MEAN:
            return sum(outcomes) / len(outcomes) if outcomes else None


def _capped(metric: Metric, own: float) -> float:
    if metric.lower_cap is not None:
        own = max(own, metric.lower_cap)
    return own if metric.upper_cap is None else min(own, metric.upper_cap)


def _others(
    metric: Metric, inside: dict[str, list[float]], before: dict[str, list[float]]
) -> list[float]:
    """The denominator, and the covariate's values."""
    others = []
    if metric.is_ratio:
        others.append(value(metric.aggregation, inside[metric.denominator]))
    if metric.covariate is not None:
        others += [
            value(metric.aggregation, before.get(name, []))
            for name in _covariate_names(metric.covariate)
        ]
    return [0.0 if one is None else one for one in others]


def _covariate_names(covariate: Covariate) -> list[str]:
    return [name for name in (covariate.outcome, covariate.denominator) if name]
