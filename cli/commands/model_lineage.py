"""`algolink model record-lineage`."""

from __future__ import annotations

from typing import TextIO

import click

from cli import lineage_file
from cli.session import Session, common, examples
from cli.views import lineage as views


@click.command(
    "record-lineage",
    epilog=examples("algolink model record-lineage churn 7 -f lineage.yaml")
    + "\n\n\b\nThe file:\n"
    + "\n".join(f"  {line}" for line in lineage_file.EXAMPLE.splitlines()),
)
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1))
@click.option(
    "-f",
    "--file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="YAML; - reads standard input.",
)
@common
def record_lineage(session: Session, name: str, version: int, file: TextIO) -> None:
    """Write down where a VERSION came from, once."""
    described = lineage_file.parse(file.read(), file.name)
    with session.client() as client:
        recorded = client.lineage.record(f"{name}/{version}", described)
        found = client.lineage.trace(f"{name}/{version}", "upstream", depth=1)
    session.show(recorded, lambda: views.tree(found, "upstream"))
