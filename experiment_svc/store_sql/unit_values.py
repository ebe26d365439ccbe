"""One row per unit: where it was first, and what its outcomes became under a metric.

The same rules as `domain.windows`, in SQL.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from experiment_svc.domain import facts
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.facts import Kind
from experiment_svc.domain.metrics import Aggregation, Metric
from experiment_svc.domain.metrics import Kind as MetricKind
from experiment_svc.records import to_us
from experiment_svc.schema import exposures, outcomes, unit_states

_NEVER_US = 2**62
"""Later than any time."""

_MICROSECOND = timedelta(microseconds=1)


def select(
    experiment: Experiment, metric: Metric, *, at: datetime, upto: int | None = None
) -> sa.Select[Any]:
    """Columns arm, phase, crossed, first_us, v0, v1, ... (`Metric.size`), inside, outside, late.

    Values are NULL where the unit is not analysed, or has none.

    Args:
        upto: as if no facts had come after this many; None for all.
    """
    units = _units(experiment, upto)
    unit = units.c
    events = _requests(experiment, metric) if metric.of_requests else _outcomes(metric)
    if upto is not None:
        events = sa.select(events).where(events.c.batch <= upto).subquery("known_events")
    end = deadline(experiment, metric, units)
    closes, waits = end, end
    if metric.lateness is not None:
        closes = waits = end + metric.lateness // _MICROSECOND
    analysed = end > unit.first_us
    if metric.window:
        analysed = sa.and_(analysed, waits <= to_us(at))
    own = events.c.name == metric.outcome
    timely = sa.and_(events.c.time_us >= unit.first_us, events.c.time_us < end)
    taken = timely
    if metric.lateness is not None:
        taken = sa.and_(timely, events.c.received_us < closes)
    values = _values(metric, events, taken, unit.first_us)
    first = values[0]
    known = sa.and_(analysed, first.is_not(None)) if _may_lack(metric) else analysed
    return (
        sa.select(
            unit.arm,
            unit.phase,
            unit.crossed,
            unit.first_us,
            *(
                sa.case((known, value)).label(f"v{index}")
                for index, value in enumerate([_capped(metric, first), *values[1:]])
            ),
            _count(sa.and_(analysed, own, taken)).label("inside"),
            _count(sa.and_(own, ~timely)).label("outside"),
            _count(sa.and_(own, timely, ~taken)).label("late"),
        )
        .join_from(units, events, events.c.unit == unit.unit, isouter=True)
        .group_by(unit.unit, unit.arm, unit.phase, unit.crossed, unit.first_us)
    )


def _units(experiment: Experiment, upto: int | None) -> sa.Subquery:
    """Where each unit was first: as it is kept, or made anew from the facts of a moment."""
    name = experiment.name.experiment
    if upto is None:
        return sa.select(unit_states).where(unit_states.c.experiment == name).subquery("units_of")
    exposure = exposures.c
    order = (exposure.time_us, exposure.phase, exposure.arm)
    known = (
        sa.select(
            exposure.unit,
            exposure.time_us.label("first_us"),
            exposure.phase,
            exposure.arm,
            sa.func.row_number().over(partition_by=exposure.unit, order_by=order).label("rank"),
            sa.func.min(exposure.arm).over(partition_by=exposure.unit).label("least"),
            sa.func.max(exposure.arm).over(partition_by=exposure.unit).label("most"),
        )
        .where(
            exposure.experiment == name,
            exposure.kind == int(Kind.REQUEST),
            exposure.batch <= upto,
        )
        .subquery("known_exposures")
    )
    crossed = sa.case((known.c.least != known.c.most, 1), else_=0)
    return (
        sa.select(
            known.c.unit, known.c.first_us, known.c.phase, known.c.arm, crossed.label("crossed")
        )
        .where(known.c.rank == 1)
        .subquery("units_of")
    )


def _outcomes(metric: Metric) -> sa.Subquery:
    covariate = metric.covariate
    names = {metric.outcome, metric.denominator}
    if covariate:
        names |= {covariate.outcome, covariate.denominator}
    return (
        sa.select(
            outcomes.c.unit,
            outcomes.c.metric.label("name"),
            outcomes.c.value,
            outcomes.c.time_us,
            outcomes.c.received_us,
            outcomes.c.batch,
        )
        .where(outcomes.c.metric.in_(sorted(names - {""})))
        .subquery("events")
    )


def _requests(experiment: Experiment, metric: Metric) -> sa.Subquery:
    """Requests of the experiment as outcomes of 0 or 1."""
    exposure = exposures.c
    match metric.kind:
        case MetricKind.ERROR_RATE:
            event = _failed()
        case MetricKind.FALLBACK_RATE:
            event = _answered_by_another()
        case _:
            event = exposure.duration_us > metric.threshold_ms * 1_000
    return (
        sa.select(
            exposure.unit,
            sa.literal("").label("name"),
            sa.case((event, _double(1.0)), else_=_double(0.0)).label("value"),
            exposure.time_us,
            exposure.time_us.label("received_us"),
            exposure.batch,
        )
        .where(
            exposure.experiment == experiment.name.experiment, exposure.kind == int(Kind.REQUEST)
        )
        .subquery("events")
    )


def _answered_by_another() -> sa.ColumnElement[bool]:
    exposure = exposures.c
    return sa.and_(
        exposure.answered_version != 0, exposure.answered_version != exposure.assigned_version
    )


def _failed() -> sa.ColumnElement[bool]:
    """`facts.failed` in SQL."""
    exposure = exposures.c
    status = exposure.http_status
    faults = sorted(facts.SERVER_FAULTS)
    of_rest = sa.and_(
        ~_flagged(facts.CLIENT_LEFT),
        sa.or_(status == 0, status == 429, status >= 500, _flagged(facts.CUT_SHORT)),
    )
    by_status = sa.case(
        (exposure.grpc_status.is_not(None), exposure.grpc_status.in_(faults)), else_=of_rest
    )
    return sa.or_(_answered_by_another(), by_status)


def _flagged(flags: frozenset[str]) -> sa.ColumnElement[bool]:
    listed = sa.literal(",") + exposures.c.response_flags + ","
    return sa.or_(*(listed.like(f"%,{flag},%") for flag in sorted(flags)))


def deadline(experiment: Experiment, metric: Metric, units: sa.Subquery) -> sa.ColumnElement[int]:
    """When a unit's window closes: after its length, or at its phase's end.

    All open windows of a phase end with it, in all arms at the same moment.
    """
    ends = {phase.number: to_us(phase.end) for phase in experiment.phases if phase.end}
    never = sa.literal(_NEVER_US, sa.BigInteger)
    phase_end: sa.ColumnElement[int] = never
    if ends:
        phase_end = sa.case(
            *(
                (units.c.phase == number, sa.literal(end_us, sa.BigInteger))
                for number, end_us in ends.items()
            ),
            else_=never,
        )
    if not metric.window:
        return phase_end
    closes = units.c.first_us + sa.literal(metric.window // _MICROSECOND, sa.BigInteger)
    return sa.case((closes < phase_end, closes), else_=phase_end)


def _values(
    metric: Metric,
    events: sa.Subquery,
    taken: sa.ColumnElement[bool],
    first_us: sa.ColumnElement[int],
) -> list[sa.ColumnElement[Any]]:
    """The value, a ratio's denominator, and the covariate's of both."""
    names = [metric.outcome] + [metric.denominator] * metric.is_ratio
    values = [_aggregated(metric, events, name, taken) for name in names]
    covariate = metric.covariate
    if covariate is not None:
        before = sa.and_(
            events.c.time_us >= first_us - covariate.period // _MICROSECOND,
            events.c.time_us < first_us,
        )
        names = [covariate.outcome] + [covariate.denominator] * metric.is_ratio
        values += [_aggregated(metric, events, name, before) for name in names]
    return [values[0]] + [sa.func.coalesce(value, _double(0.0)) for value in values[1:]]


def _aggregated(
    metric: Metric, events: sa.Subquery, name: str, within: sa.ColumnElement[bool]
) -> sa.ColumnElement[Any]:
    chosen = sa.and_(events.c.name == name, within)
    counted = sa.case((chosen, events.c.value))
    match metric.aggregation:
        case Aggregation.ANY:
            above = sa.and_(chosen, events.c.value > 0.0)
            return sa.func.max(sa.case((above, _double(1.0)), else_=_double(0.0)))
        case Aggregation.SUM:
            return sa.func.coalesce(sa.func.sum(counted), _double(0.0))
        case Aggregation.COUNT:
            return sa.cast(sa.func.count(counted), sa.Double)
        case Aggregation.MEAN:
            return sa.func.avg(counted)


def _may_lack(metric: Metric) -> bool:
    """Whether an analysed unit may have no value."""
    return metric.aggregation is Aggregation.MEAN


def _capped(metric: Metric, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if metric.lower_cap is not None:
        lower = _double(metric.lower_cap)
        value = sa.case((value < lower, lower), else_=value)
    if metric.upper_cap is not None:
        upper = _double(metric.upper_cap)
        value = sa.case((value > upper, upper), else_=value)
    return value


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _double(value: float) -> sa.ColumnElement[float]:
    return sa.literal(value, sa.Double)
