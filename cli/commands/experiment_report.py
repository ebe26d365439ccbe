"""`algolink experiment report`: an experiment as one HTML file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from algolink.errors import FailedPrecondition
from cli.session import Session, common, examples


@click.command(
    epilog=examples(
        "algolink experiment report iris-2 --to iris-2.html",
        "algolink experiment report iris-2 --to iris-2.html --replace",
    )
)
@click.argument("name")
@click.option(
    "--to",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write.",
)
@click.option("--replace", is_flag=True, help="Even if it is there.")
@common
def report(session: Session, name: str, path: Path, replace: bool) -> None:
    """Write what was asked, found and done into one HTML file.

    It needs no network and no other file: send it to whom it concerns.
    """
    from cli.report import material, page

    with session.client() as client:
        gathered = material.gather(client, name, at=datetime.now(UTC))
    text = page.page(gathered)
    try:
        with path.open("w" if replace else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise FailedPrecondition(
            "FILE_EXISTS", f"{path} exists already: use another name, or --replace", path=path
        ) from None
    written = {"file": str(path), "bytes": len(text.encode())}
    session.show(written, lambda: f"written to {path}: open it with a browser")
