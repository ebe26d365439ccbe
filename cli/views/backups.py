"""What a backup or a restore did."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from cli.views import text


def told(values: dict[str, Any]) -> Table:
    table = text.facts()
    table.add_row("snapshot", values["snapshot"])
    table.add_row("artifacts", str(values["artifacts"]))
    for name in ("artifact_bytes", "copied_bytes"):
        if name in values:
            table.add_row(name.replace("_bytes", " size"), text.size(values[name]))
    return table
