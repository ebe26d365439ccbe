"""Decisions about traffic as messages."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence

from algolink.errors import InvalidArgument
from algolink.router.v1 import router_pb2
from algolink.router.v1 import traffic_pb2 as pb
from router_svc import convert, convert_rules
from router_svc.domain.records import RouteRevision
from router_svc.domain.traffic import Action, Decision, Shift, Traffic, version_of

_ACTIONS = {
    Action.SHIFT: pb.TRAFFIC_ACTION_SHIFT,
    Action.CLEAR: pb.TRAFFIC_ACTION_CLEAR,
    Action.SET_RULES: pb.TRAFFIC_ACTION_SET_RULES,
    Action.CLEAR_RULES: pb.TRAFFIC_ACTION_CLEAR_RULES,
    Action.KILL: pb.TRAFFIC_ACTION_KILL,
    Action.REVIVE: pb.TRAFFIC_ACTION_REVIVE,
    Action.FREEZE: pb.TRAFFIC_ACTION_FREEZE,
    Action.UNFREEZE: pb.TRAFFIC_ACTION_UNFREEZE,
}

_PER_REQUEST = {
    pb.SHIFT_UNIT_UNSPECIFIED: None,
    pb.SHIFT_UNIT_HEADER: False,
    pb.SHIFT_UNIT_REQUEST: True,
}


def per_request_from_proto(unit: pb.ShiftUnit) -> bool | None:
    """Whether each request is its own unit; `None` to leave it as it is.

    Raises:
        InvalidArgument: UNIT_INVALID.
    """
    if unit not in _PER_REQUEST:
        raise InvalidArgument("UNIT_INVALID", f"unit {unit} is not known", unit=unit)
    return _PER_REQUEST[unit]


def traffic_to_proto(
    traffic: Traffic,
    decision: Decision | None,
    *,
    live: bool = False,
    pending: Collection[str] = (),
) -> pb.Traffic:
    """What holds, and who decided last."""
    return pb.Traffic(
        model=traffic.model,
        etag=traffic.etag,
        revision=traffic.revision,
        shift=_shift_to_proto(traffic.shift) if traffic.shift else None,
        killed=[
            pb.KilledVersion(version=version, replacement=to)
            for version, to in sorted(traffic.killed.items())
        ],
        frozen=traffic.frozen,
        update_time=convert.timestamp(decision.time) if decision else None,
        updated_by=decision.caller if decision else "",
        live=live,
        pending=pending,
        rules=convert_rules.rules_to_proto(traffic.rules) if traffic.rules else None,
    )


def history_to_proto(
    decisions: Sequence[Decision], revisions: Sequence[RouteRevision], *, limit: int
) -> pb.ListTrafficHistoryResponse:
    """Both histories, each newest first, as one."""
    events = heapq.merge(
        # Of what has one time, the route follows on the decision: it is newer.
        ((r.time, 1, _revision_to_event(r)) for r in revisions),
        ((d.time, 0, _decision_to_event(d)) for d in decisions),
        key=lambda event: event[:2],
        reverse=True,
    )
    return pb.ListTrafficHistoryResponse(
        events=[event for _, (_, _, event) in zip(range(limit), events, strict=False)]
    )


def _decision_to_event(decision: Decision) -> pb.TrafficEvent:
    return pb.TrafficEvent(
        time=convert.timestamp(decision.time),
        decision=pb.TrafficDecision(
            action=_ACTIONS[decision.action],
            version=decision.version,
            caller=decision.caller,
            reason=decision.reason,
            traffic=traffic_to_proto(decision.traffic, decision),
        ),
    )


def _revision_to_event(revision: RouteRevision) -> pb.TrafficEvent:
    time = convert.timestamp(revision.time)
    if revision.route is None:
        return pb.TrafficEvent(time=time, route_gone=True)
    return pb.TrafficEvent(
        time=time, route=convert.route_to_proto(revision, live=False, pending=())
    )


def _shift_to_proto(shift: Shift) -> pb.Shift:
    return pb.Shift(
        weights_bp={version_of(arm): n for arm, n in shift.table.weights().items()},
        unit=pb.SHIFT_UNIT_REQUEST if shift.per_request else pb.SHIFT_UNIT_HEADER,
        salt=shift.salt,
        segments=[
            router_pb2.SplitSegment(start=s.start, end=s.end, arm=s.arm, version=version_of(s.arm))
            for s in shift.table.segments
        ],
        revision=shift.revision,
    )
