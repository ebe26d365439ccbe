"""Units and their arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from algolink.experiment.v1 import assignment_pb2 as pb
from cli.views import text


def explained(found: Sequence[pb.Assignment]) -> Table:
    """Each unit's arm, and why."""
    table = text.grid("UNIT", "ARM", "VERSION", "BUCKET", "WHY")
    for one in found:
        table.add_row(one.unit, one.arm, str(one.version), str(one.bucket), one.reason)
    return table


def counted(units_by_arm: Mapping[str, int]) -> Table:
    """How many units each arm has; "" are those in none."""
    table = text.grid("ARM", "UNITS", "SHARE")
    total = sum(units_by_arm.values())
    for arm, units in sorted(units_by_arm.items(), key=lambda entry: (entry[0] == "", entry[0])):
        table.add_row(arm or "(no unit)", f"{units:,}", f"{100 * units / total:.2f}%")
    return table
