"""What became of outcomes."""

from __future__ import annotations

from rich.table import Table

from algolink.experiment.v1 import facts_pb2 as pb
from cli.views import text


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
