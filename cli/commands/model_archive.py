"""`algolink model export|import|keygen`: models as signed files."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from algolink.client import archive
from cli import output
from cli.session import Session, common, examples
from cli.views import archives as views


@click.command(epilog=examples("algolink model keygen --to team.key"))
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The private key."
)
@common
def keygen(session: Session, to: Path) -> None:
    """Make a key to sign exports with.

    Keep the private key to yourself; give the public one, beside it with the end
    .pub, to whoever imports.
    """
    key = archive.make_key(to)
    public = f"{to}.pub"
    values = {"private": str(to), "public": public, "fingerprint": archive.fingerprint(key)}
    session.show(values, lambda: views.key(values))


@click.command(
    epilog=examples(
        "algolink model export iris --to iris.algolink --key team.key",
        "algolink model export iris --to iris.algolink --key team.key --version 7",
    )
)
@click.argument("name")
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)
@click.option(
    "--key", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Signs it."
)
@click.option(
    "--version",
    "versions",
    type=click.IntRange(min=1),
    multiple=True,
    help="Only this one; repeatable.",
)
@common
def export(session: Session, name: str, to: Path, key: Path, versions: tuple[int, ...]) -> None:
    """Write a model, its versions, aliases and artifacts into one signed file."""
    signer = archive.private_key(key)
    with session.client() as client, session.waiting("exporting"):
        contents = client.archives.export(name, to, signer, versions=versions)
    values = {
        "file": str(to),
        "model": contents.model.name,
        "versions": [version.number for version in contents.versions],
        "artifacts": len(contents.sizes),
        "size_bytes": to.stat().st_size,
    }
    session.show(values, lambda: views.exported(values))


@click.command(
    "import",
    epilog=examples(
        "algolink model import iris.algolink --trust team.key.pub",
        "algolink model import iris.algolink --trust team.key.pub --name iris-eu --aliases all",
    ),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--trust",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    multiple=True,
    help="Public key of whom to believe; repeatable.",
)
@click.option("--name", default="", help="The model's id here.  [default: as in the file]")
@click.option(
    "--aliases",
    type=click.Choice(["none", "new", "all"]),
    default="new",
    show_default=True,
    help="Set no aliases, those that the model lacks, or all.",
)
@common
def import_(session: Session, file: Path, trust: tuple[Path, ...], name: str, aliases: str) -> None:
    """Make the versions of an exported FILE here; doing it again changes nothing."""
    trusted = [archive.public_key(path) for path in trust]
    with session.client() as client, output.progress_bar() as bar:
        task = bar.add_task("importing", total=None)
        imported = client.archives.load(
            file,
            trusted,
            name=name,
            aliases=cast("archive.Aliases", aliases),
            progress=lambda sent, total: bar.update(task, completed=sent, total=total),
        )
    values = {
        "model": imported.model,
        "versions": {str(old): new for old, new in imported.numbers.items()},
        "aliases": imported.aliases,
        "missing_parents": imported.missing_parents,
    }
    session.show(values, lambda: views.imported(imported))
    if imported.missing_parents:
        session.say(
            f"\nNot here, and so left out of the lineage: {', '.join(imported.missing_parents)}"
        )
