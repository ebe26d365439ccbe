"""What became of outcomes."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table

from algolink.experiment.v1 import facts_pb2 as pb
from cli.views import text


def counts(found: pb.OutcomeCounts) -> Group:
    """What became of an experiment's outcomes."""
    table = text.grid(
        "METRIC", "OUTCOME", "COUNTED", "EARLY", "AFTER", "LATE", "UNKNOWN UNIT", "NOTE"
    )
    for tally in found.tallies:
        table.add_row(
            tally.metric,
            tally.outcome,
            *(
                f"{number:,}" if number else text.NOTHING
                for number in (
                    tally.counted,
                    tally.early,
                    tally.after,
                    tally.late,
                    tally.strangers,
                )
            ),
            _note(tally),
        )
    lines: list[RenderableType] = [table]
    if found.unused:
        names = ", ".join(f"{other.outcome} ({other.number:,})" for other in found.unused)
        lines.append(f"\nof its units, used by none of its metrics: {names}")
    lines.append(
        f"\nin all experiments: {found.redelivered:,} facts came again and count once, "
        f"{found.conflicts:,} came again with other content (the first of each stays)"
    )
    return Group(*lines)


def _note(tally: pb.OutcomeTally) -> str:
    if tally.counted:
        return ""
    if not (tally.early or tally.after or tally.late or tally.strangers):
        return "nobody sends it"
    return "none counts"


def recorded(counts: pb.RecordResponse, *, skipped: int = 0) -> Table:
    table = text.facts()
    table.add_row("recorded", f"{counts.accepted:,}")
    if counts.redelivered:
        table.add_row("known already", f"{counts.redelivered:,}")
    if counts.conflicts:
        table.add_row(
            "conflicts", f"{counts.conflicts:,} (known id, other content: the first stays)"
        )
    if skipped:
        table.add_row("skipped", f"{skipped:,} bad lines")
    return table
