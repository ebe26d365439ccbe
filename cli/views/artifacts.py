"""Artifacts that were removed, or would be."""

from __future__ import annotations

from rich.table import Table

from algolink.registry.v1 import artifacts_pb2 as pb
from cli.views import text


def garbage(found: pb.CollectGarbageResponse) -> Table:
    table = text.grid("DIGEST", "SIZE", "WRITTEN", "WHY")
    for one in found.garbage:
        table.add_row(
            one.digest[:12], text.size(one.size_bytes), text.moment(one.write_time), one.explanation
        )
    return table


def summary(found: pb.CollectGarbageResponse, *, dry_run: bool) -> str:
    """What happened, in one sentence."""
    done = "Would remove" if dry_run else "Removed"
    given_up = f" and {len(found.given_up_uploads)} uploads" if found.given_up_uploads else ""
    return (
        f"{done} {len(found.garbage)} artifacts ({text.size(found.garbage_bytes)}){given_up}; "
        f"{found.needed_artifacts} are needed, {found.recent_artifacts} too recent to tell."
    )
