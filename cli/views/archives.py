"""What was exported, and what an import made."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from algolink.client.sync_archive import Imported
from cli.views import text


def key(values: dict[str, Any]) -> Table:
    table = text.facts()
    for name in ("private", "public", "fingerprint"):
        table.add_row(name, values[name])
    return table


def exported(values: dict[str, Any]) -> Table:
    table = text.facts()
    table.add_row("file", values["file"])
    table.add_row("model", values["model"])
    table.add_row("versions", ", ".join(map(str, values["versions"])) or text.NOTHING)
    table.add_row("artifacts", str(values["artifacts"]))
    table.add_row("size", text.size(values["size_bytes"]))
    return table


def imported(found: Imported) -> Table:
    table = text.grid("THERE", "HERE", "ALIASES SET")
    for old, new in sorted(found.numbers.items()):
        aliases = [name for name, number in sorted(found.aliases.items()) if number == new]
        table.add_row(str(old), f"{found.model} {new}", ", ".join(aliases) or text.NOTHING)
    return table
