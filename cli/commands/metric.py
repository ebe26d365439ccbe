"""`algolink metric`: what experiments measure."""

from __future__ import annotations

from typing import TextIO

import click

from cli import metric_file
from cli.session import Session, common, examples
from cli.views import metrics as views


@click.group()
def metric() -> None:
    """Define what experiments measure."""


metric.epilog = examples(
    "algolink metric create -f revenue.yaml", "algolink metric list", "algolink metric show revenue"
)


@metric.command(
    epilog=examples("algolink metric create -f revenue.yaml")
    + "\n\n\b\nThe file:\n"
    + "\n".join(f"  {line}" for line in metric_file.EXAMPLE.splitlines())
)
@click.option(
    "-f",
    "--file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="YAML; - reads standard input.",
)
@common
def create(session: Session, file: TextIO) -> None:
    """Define a metric, or its next version, from a YAML file.

    A version never changes. What the newest says already changes nothing.
    """
    name, definition = metric_file.parse(file.read(), file.name)
    with session.client() as client:
        made = client.metrics.create(name, definition)
    session.show(made, lambda: views.metric(made))
    session.say(f"\nName it in an experiment: {views.label(made)}")


@metric.command("list", epilog=examples("algolink metric list", "algolink metric list revenue"))
@click.argument("name", required=False)
@common
def list_metrics(session: Session, name: str | None) -> None:
    """List the newest version of every metric, or all versions of one."""
    with session.client() as client:
        found = client.metrics.list(name)
    session.show(found, lambda: views.metrics(found))


@metric.command(epilog=examples("algolink metric show revenue", "algolink metric show revenue@2"))
@click.argument("name")
@common
def show(session: Session, name: str) -> None:
    """Show a metric's newest version, or the one that is named."""
    with session.client() as client:
        found = client.metrics.get(name)
    session.show(found, lambda: views.metric(found))
