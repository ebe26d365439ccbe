"""What is decided about traffic, and its history."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table

from algolink.router.v1 import traffic_pb2 as pb
from cli import shares
from cli.views import routes, rules, text


def traffic(found: pb.Traffic) -> RenderableType:
    table = text.facts()
    table.add_row("model", found.model)
    table.add_row("shift", _shift(found) or text.NOTHING)
    table.add_row("killed", _killed(found) or text.NOTHING)
    rules.add(table, found.rules)
    table.add_row("frozen", "yes" if found.frozen else "no")
    table.add_row("live", "yes" if found.live else "not yet on every Envoy")
    table.add_row("etag", found.etag)
    if found.revision:
        table.add_row("decided", f"{text.moment(found.update_time)} by {_who(found.updated_by)}")
    for sentence in found.pending:
        table.add_row("pending", sentence)
    if not found.HasField("shift"):
        return table
    table.add_row("salt", found.shift.salt)
    return Group(table, "", routes.segments(found.shift.segments))


def history(found: Sequence[pb.TrafficEvent]) -> Table:
    table = text.grid("TIME", "WHO", "WHAT", "WHY")
    for event in found:
        decision = event.decision if event.HasField("decision") else None
        table.add_row(
            text.moment(event.time),
            _who(decision.caller) if decision else text.NOTHING,
            _what(event),
            (decision.reason if decision else "") or text.NOTHING,
        )
    return table


def _what(event: pb.TrafficEvent) -> str:
    if event.HasField("decision"):
        return _decided(event.decision)
    if event.HasField("route"):
        return f"route {event.route.revision}: {routes.summary(event.route)}"
    return "route gone"


def _decided(decision: pb.TrafficDecision) -> str:
    action = text.enum_word(pb.TrafficAction.Name(decision.action), "TRAFFIC_ACTION_")
    if decision.action == pb.TRAFFIC_ACTION_SHIFT:
        return f"shift to {_shift(decision.traffic)}"
    if decision.action == pb.TRAFFIC_ACTION_CLEAR:
        return "clear the shift"
    if decision.action == pb.TRAFFIC_ACTION_SET_RULES:
        return f"set rules: {rules.summary(decision.traffic.rules)}"
    if decision.action == pb.TRAFFIC_ACTION_KILL:
        to = next(k.replacement for k in decision.traffic.killed if k.version == decision.version)
        return f"kill {decision.version} ({to} stands in as champion)"
    return f"{action} {decision.version}" if decision.version else action


def _shift(found: pb.Traffic) -> str:
    if not found.HasField("shift"):
        return ""
    weights = ", ".join(
        f"{version} {shares.percent(weight_bp)}"
        for version, weight_bp in sorted(found.shift.weights_bp.items())
    )
    unit = "request" if found.shift.unit == pb.SHIFT_UNIT_REQUEST else "x-algolink-unit"
    return f"{weights} by {unit}"


def _killed(found: pb.Traffic) -> str:
    return ", ".join(f"{k.version} (as champion: {k.replacement})" for k in found.killed)


def _who(caller: str) -> str:
    return caller or "somebody without a token"
