"""`algolink outcome`: what happened to units."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO

import click

from algolink.client import Outcome, outcome_files
from algolink.client.outcome_files import Form
from algolink.errors import InvalidArgument
from cli import output
from cli.session import Session, common, examples
from cli.times import MOMENT
from cli.views import outcomes as views

_SHOWN = 10
"""Bad lines that are named."""


@click.group()
def outcome() -> None:
    """Record what happened to units."""


outcome.epilog = examples(
    "algolink outcome add --unit user-42 --metric converted --value 1",
    "algolink outcome record purchases.csv",
)


@outcome.command(
    epilog=examples(
        "algolink outcome add --unit user-42 --metric converted --value 1",
        "algolink outcome add --unit user-42 --metric revenue --value 9.5 --event-id order-17",
    )
)
@click.option("--unit", required=True, help="As sent with its predictions.")
@click.option("--metric", required=True, help="Name that it is recorded under.")
@click.option("--value", type=float, required=True, help="In the metric's unit.")
@click.option("--event-id", help="Counts once however often it is sent; minted.")
@click.option("--time", type=MOMENT, help="When it happened; now if left out.")
@common
def add(
    session: Session,
    unit: str,
    metric: str,
    value: float,
    event_id: str | None,
    time: datetime | None,
) -> None:
    """Record one outcome."""
    with session.client() as client:
        counts = client.outcome(unit, metric, value, event_id=event_id, time=time)
    session.show(counts, lambda: views.recorded(counts))


@outcome.command(
    epilog=examples(
        "algolink outcome record purchases.csv",
        "algolink outcome record visits.jsonl --skip-bad",
        "zcat visits.csv.gz | algolink outcome record - --form csv",
    )
    + "\n\n\b\nJSON lines:\n"
    '  {"event_id": "order-17", "unit": "user-42", "metric": "revenue", "value": 9.5,\n'
    '   "time": "2026-03-03T12:00:00Z"}\n'
    "\nCSV has the same names in its first line. event_id and time may be left out."
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--form",
    type=click.Choice([form.value for form in Form]),
    help="How it is written down; by default csv for *.csv, otherwise jsonl.",
)
@click.option("--skip-bad", is_flag=True, help="Record the good lines; count and show the others.")
@common
def record(session: Session, file: str, form: str | None, skip_bad: bool) -> None:
    """Record the outcomes of a file, JSON lines or CSV; - reads standard input.

    All lines are checked before the first is sent. Recording the same file again is safe,
    also after it was interrupted: each outcome counts once, by its event_id. Where that is
    left out it is derived from the file's content and the line, so a file that was changed
    is another file.
    """
    name = "standard input" if file == "-" else file
    with _opened(file) as opened:
        digest = outcome_files.digest(opened)
        chosen = Form(form) if form else Form.of(file)
        bad = _check(opened, chosen, digest, name, skip_bad)
        with session.client() as client, output.progress_bar() as progress:
            task = progress.add_task(name, total=opened.seek(0, 2))

            def good() -> Iterator[Outcome]:
                for line in outcome_files.read(opened, chosen, digest=digest):
                    if line.outcome is not None:
                        yield line.outcome
                    if line.number % 1_000 == 0:
                        progress.update(task, completed=opened.tell())

            counts = client.outcomes(good())
    shown = {**output.to_values(counts), "skipped": bad}
    session.show(shown, lambda: views.recorded(counts, skipped=bad))


@outcome.command(epilog=examples("algolink outcome status iris-2"))
@click.argument("experiment")
@common
def status(session: Session, experiment: str) -> None:
    """Show what became of an experiment's outcomes: how many count, and why others do not."""
    with session.client() as client:
        found = client.facts.outcome_counts(experiment)
    session.show(found, lambda: views.counts(found))


def _check(file: BinaryIO, form: Form, digest: str, name: str, skip_bad: bool) -> int:
    """Counts the bad lines, and names the first on stderr if they are to be skipped.

    Raises:
        InvalidArgument: FACT_INVALID, if they are not; HEADER_INVALID.
    """
    bad, first = 0, ""
    try:
        for line in outcome_files.read(file, form, digest=digest):
            if line.outcome is not None:
                continue
            bad += 1
            first = first or f"{name}:{line.number}: {line.why}"
            if skip_bad and bad <= _SHOWN:
                click.echo(f"skipped {name}:{line.number}: {line.why}", err=True)
    except InvalidArgument as error:
        raise InvalidArgument(error.reason, f"{name}: {error.message}", file=name) from error
    if bad and not skip_bad:
        more = f" (and {bad - 1:,} more bad lines)" if bad > 1 else ""
        raise InvalidArgument(
            "FACT_INVALID", f"{first}{more}: nothing was recorded; mend it or give --skip-bad"
        )
    return bad


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    """A file that can be read twice."""
    if file != "-":
        with open(file, "rb") as opened:
            yield opened
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        yield kept
