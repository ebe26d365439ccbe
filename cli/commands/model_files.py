"""`algolink model pull`: the files of a version."""

from __future__ import annotations

from pathlib import Path

import click

from cli import output
from cli.session import Session, common, examples
from cli.views import models as views


@click.command(
    epilog=examples(
        "algolink model pull iris 2 --to iris-2.onnx",
        "algolink model pull churn 7 --to churn-7/",
    )
)
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1))
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write; folder to make, if the artifact is one.",
)
@common
def pull(session: Session, name: str, version: int, to: Path) -> None:
    """Download the artifact of a VERSION, and check its digest.

    A download that was stopped goes on where it was when it is repeated.
    """
    with session.client() as client, output.progress_bar() as bar:
        task = bar.add_task("pulling", total=None)
        pulled = client.artifacts.pull(
            name,
            version,
            to,
            progress=lambda there, total: bar.update(task, completed=there, total=total),
        )
    session.show(pulled, lambda: views.version(pulled))
    session.say(f"\nSaved to {to}.")
