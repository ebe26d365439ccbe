"""`algolink experiment assign`: who is in which arm."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TextIO

import click

from cli import output
from cli.session import Session, common, examples
from cli.views import assignments as views


@click.command(
    epilog=examples(
        "algolink experiment assign iris-2 user-1 user-2",
        "algolink experiment assign iris-2 --file users.txt",
        "algolink experiment assign iris-2 --file users.txt -o json > arms.jsonl",
    )
)
@click.argument("name")
@click.argument("units", nargs=-1, metavar="[UNIT...]")
@click.option(
    "--file", type=click.File(encoding="utf-8"), help="A unit per line; - reads standard input."
)
@common
def assign(session: Session, name: str, units: tuple[str, ...], file: TextIO | None) -> None:
    """Say which arm units are in, exactly as Envoy assigns them.

    Of a file's units a table shows how many each arm has; json and yaml print a line
    of JSON for each. Nobody is counted as exposed by being asked about.
    """
    if bool(units) == (file is not None):
        raise click.UsageError("name units, or a --file of them")
    with session.client() as client:
        if file is None:
            found = [client.assignments.of(name, unit) for unit in units]
            session.show(found, lambda: views.explained(found))
            return
        pairs = client.assignments.of_many(name, _lines(file))
        if not session.is_for_people:
            for unit, arm in pairs:
                click.echo(json.dumps({"unit": unit, "arm": arm}))
            return
        with session.waiting("until all units are assigned"):
            counts = Counter(arm for _, arm in pairs)
        output.stdout_console().print(views.counted(counts))


def _lines(file: TextIO) -> Iterator[str]:
    return (line.rstrip("\r\n") for line in file if line.strip())
