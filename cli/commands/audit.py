"""`algolink audit`: who changed what, and whether anybody touched that."""

from __future__ import annotations

import re
from pathlib import Path

import click
from google.protobuf import json_format

from algolink.client import audit as audit_calls
from algolink.errors import InvalidArgument
from algolink.names import DIGEST_PATTERN
from algolink.registry.v1 import audit_pb2 as pb
from cli import output
from cli.session import Session, common, examples
from cli.views import audit as views

_KNOWN = re.compile(f"([1-9][0-9]{{0,17}}):({DIGEST_PATTERN})")


@click.group()
def audit() -> None:
    """Check and export who changed what."""


audit.epilog = examples("algolink audit verify", "algolink audit export > audit.jsonl")


class _Known(click.ParamType[tuple[int, str]]):
    """Number and hash of an entry."""

    name = "number:hash"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        found = _KNOWN.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not the number and the hash of an entry", param, ctx)
        return int(found[1]), found[2]


@audit.command(
    epilog=examples(
        "algolink audit verify",
        "algolink audit verify --file audit.jsonl",
    )
)
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="An export instead.")
@click.option("--known", type=_Known(), help="What an earlier check ended with, NUMBER:HASH.")
@common
def verify(session: Session, file: Path | None, known: tuple[int, str] | None) -> None:
    """Make the audit's chain again, and compare.

    Keep what it ends with elsewhere and give it as --known next time: that shows
    whether entries were cut off, or all of them made anew.
    """
    if file is not None:
        verified = audit_calls.verify(_read(file), known=known)
    else:
        with session.client() as client:
            verified = client.audit.verify(known=known)
    values = {
        "sealed": verified.sealed,
        "unsealed": verified.unsealed,
        "head_hash": verified.head_hash,
    }
    session.show(values, lambda: views.verified(verified))


@audit.command(epilog=examples("algolink audit status"))
@common
def status(session: Session) -> None:
    """Show how long the chain is and how far the sealer lags."""
    with session.client() as client:
        found = client.audit.status()
    session.show(found, lambda: views.status(found))


@audit.command(epilog=examples("algolink audit export > audit.jsonl"))
@common
def export(session: Session) -> None:
    """Print all entries as lines of JSON, oldest first, whatever --output says."""
    with session.client() as client:
        for entry in client.audit.entries():
            output.show_line(entry)


def _read(file: Path) -> list[pb.AuditEntry]:
    entries = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                entries.append(json_format.Parse(line, pb.AuditEntry()))
            except json_format.ParseError as error:
                raise InvalidArgument(
                    "EXPORT_INVALID",
                    f"line {number} of {file} is not an entry of the audit: {error}",
                    file=file,
                    line=number,
                ) from error
    return entries
