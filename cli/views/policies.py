"""Policies, and what they decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rich.table import Table
from rich.text import Text

from algolink.experiment.v1 import plans_pb2
from algolink.experiment.v1 import policies_pb2 as pb
from algolink.names import PolicyName
from cli import shares
from cli.views import text

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def policies(found: Sequence[pb.PolicyVersion]) -> Table:
    table = text.grid("POLICY", "STEPS", "PROMOTE", "WAITS FOR YOU TO", "CREATED")
    for one in found:
        table.add_row(
            short(one.name),
            ", ".join(shares.percent(step.share_bp) for step in one.steps) or text.NOTHING,
            _promote(one),
            _approvals(one),
            text.moment(one.create_time),
        )
    return table


def policy(found: pb.PolicyVersion) -> Table:
    table = text.facts()
    table.add_row("policy", short(found.name))
    for number, step in enumerate(found.steps, start=1):
        waits = [f"after {_span(step.hold_ms)}"] if step.hold_ms else []
        if step.min_units_per_arm:
            waits.append(f"{step.min_units_per_arm} units in each arm")
        table.add_row(f"step {number}", ", ".join([shares.percent(step.share_bp), *waits]))
    guardrails = text.enum_word(pb.GuardWhen.Name(found.guardrails), "GUARD_WHEN_")
    table.add_row("promote", f"{_promote(found)}, guardrails {guardrails}")
    table.add_row("units needed", f"{found.min_units_per_arm} in each arm")
    table.add_row("futility", "stops" if found.futility else "goes on")
    table.add_row("ends", f"after {_span(found.max_duration_ms)}" if found.max_duration_ms else "-")
    table.add_row("waits for you to", _approvals(found))
    for freeze in found.freezes:
        table.add_row("freeze", _freeze(freeze))
    table.add_row("facts no older than", _span(found.max_age_ms))
    if found.description:
        table.add_row("description", found.description)
    table.add_row("created", text.moment(found.create_time))
    return table


def decisions(found: Sequence[pb.Decision]) -> Table:
    table = text.grid("#", "TIME", "ACTION", "DONE", "WHY", "DIGEST")
    for one in found:
        table.add_row(
            str(one.number),
            text.moment(one.time),
            _action(one),
            "waits for you" if one.waits else "yes",
            one.reason,
            one.digest[:12],
        )
    return table


def line(decision: pb.Decision) -> str:
    """One decision in one line."""
    waits = " waits for you" if decision.waits else ""
    return f"{text.moment(decision.time)} {_action(decision)}{waits}: {decision.reason}"


def replay(found: pb.Replay) -> Table:
    table = text.facts()
    decision = found.decision
    table.add_row("decision", f"{decision.number} of {decision.experiment}")
    table.add_row("action", _action(decision))
    table.add_row("why", decision.reason)
    table.add_row("digest", decision.digest)
    if found.same:
        table.add_row("computed again", "the same")
    else:
        table.add_row("computed again", Text(found.digest, style="bold red"))
        table.add_row("differs in", ", ".join(found.differences))
    return table


def plan(found: plans_pb2.Plan) -> Table:
    table = text.facts()
    spread = f"{found.deviation:.4g}"
    if found.source_units:
        spread += f", of {found.source_units} units of {found.source}, mean {found.mean:.4g}"
    table.add_row("to find", f"{found.minimum_effect:g}, with a chance of {found.power:.0%}")
    table.add_row("deviation", spread)
    table.add_row("units", f"{found.units:,} in all arms, looked at whenever you like")
    table.add_row("looked at once", f"{found.fixed_units:,}")
    if found.HasField("units_per_day"):
        table.add_row("units per day", f"{found.units_per_day:,.0f}")
    days = f"{found.days} days" if found.HasField("days") else "give --units-per-day"
    table.add_row("takes", days)
    table.add_row("analysis", f"optimal_units: {found.optimal_units}")
    return table


def approved(what: str) -> str:
    return f"approved: {what}; it is done at the next look, if it still holds"


def short(name: str) -> str:
    """A policy's whole name as people write it.

    >>> short("policies/careful/versions/2")
    'careful@2'
    """
    parsed = PolicyName.parse(name)
    return f"{parsed.policy}@{parsed.version}" if parsed.version else parsed.policy


def _action(decision: pb.Decision) -> str:
    action = text.enum_word(pb.DecisionAction.Name(decision.action), "DECISION_ACTION_")
    return f"{action} {decision.winner}".strip()


def _promote(found: pb.PolicyVersion) -> str:
    return text.enum_word(pb.PromoteWhen.Name(found.promote), "PROMOTE_WHEN_")


def _approvals(found: pb.PolicyVersion) -> str:
    names = [pb.DecisionAction.Name(action) for action in found.approvals]
    return ", ".join(text.enum_word(name, "DECISION_ACTION_") for name in names) or text.NOTHING


def _freeze(freeze: pb.PolicyFreeze) -> str:
    days = ", ".join(_DAYS[day] for day in freeze.days)
    start = f"{freeze.start_minute // 60:02}:{freeze.start_minute % 60:02}"
    return f"{days} from {start} UTC for {timedelta(minutes=freeze.minutes)}"


def _span(milliseconds: int) -> str:
    return str(timedelta(milliseconds=milliseconds))
