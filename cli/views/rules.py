"""Rules of a model's requests, in few words."""

from __future__ import annotations

from rich.table import Table

from algolink import audience, audience_proto
from algolink.client.rules import FAILURES
from algolink.router.v1 import rules_pb2 as pb
from cli import shares
from cli.views import text

_NAMES = {number: name for name, number in FAILURES.items()}


def add(table: Table, found: pb.Rules) -> None:
    """Adds a row for everything that is said, in the order in which it is asked."""
    for override in found.overrides:
        table.add_row("override", f"{override.unit} gets version {override.version}")
    for number, each in enumerate(found.audiences, start=1):
        name = f" ({each.name})" if each.name else ""
        then = f"version {each.version}" if each.version else "what follows, no further audience"
        when = " and ".join(
            audience.in_words(audience_proto.from_proto(condition)) for condition in each.conditions
        )
        table.add_row(f"audience {number}{name}", f"{when}: {then}")
    if found.HasField("holdout"):
        share = shares.percent(found.holdout.share_bp)
        table.add_row("holdout", f"{share} of the units, by layer {found.holdout.layer}")
    if found.HasField("shadow"):
        share = shares.percent(found.shadow.share_bp)
        table.add_row("shadow", f"version {found.shadow.version} gets copies of {share}")
    if found.HasField("fallback"):
        table.add_row("fallback", _fallback(found.fallback))
    if found.HasField("timeouts"):
        table.add_row("timeouts", _timeouts(found.timeouts))
    if found.HasField("retries"):
        on = ", ".join(_NAMES[condition] for condition in found.retries.on)
        pause = f"{found.retries.backoff_ms} to {found.retries.max_backoff_ms} ms"
        table.add_row("retries", f"{found.retries.number} on {on}, after {pause}")
    if found.HasField("limits"):
        limits = f"{found.limits.requests} requests, {found.limits.pending} pending"
        table.add_row("limits", f"{limits}, for each version but the champion")


def rules(model: str, found: pb.Rules) -> Table:
    """All rules of a model."""
    table = text.facts()
    table.add_row("model", model)
    if not found.revision:
        table.add_row("rules", text.NOTHING)
        return table
    table.add_row("set by", f"decision {found.revision}")
    add(table, found)
    return table


def summary(found: pb.Rules) -> str:
    """What kinds of rules there are."""
    counted = [
        f"{number} {kind}{'s' if number > 1 else ''}"
        for kind, number in (
            ("override", len(found.overrides)),
            ("audience", len(found.audiences)),
        )
        if number
    ]
    single = ("holdout", "shadow", "fallback", "timeouts", "retries", "limits")
    return ", ".join([*counted, *(kind for kind in single if found.HasField(kind))])


def _fallback(fallback: pb.Fallback) -> str:
    if fallback.none:
        return "none: the client is told a candidate's failure"
    return f"version {fallback.version} answers for a candidate that fails"


def _timeouts(timeouts: pb.Timeouts) -> str:
    attempt = f", an attempt {timeouts.attempt_ms} ms" if timeouts.attempt_ms else ""
    return f"a request {timeouts.request_ms} ms{attempt}"
