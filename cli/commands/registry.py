"""`algolink registry`: what operators do with the registry's data."""

from __future__ import annotations

import os
from pathlib import Path

import click

from algolink.client.connection import default_data_dir
from cli import backups
from cli.session import Session, common, examples
from cli.up.layout import DataFolder
from cli.views import artifacts as views
from cli.views import backups as backup_views


@click.group()
def registry() -> None:
    """Look after the registry's data."""


registry.epilog = examples(
    "algolink registry gc --dry-run", "algolink registry backup --to /backups/registry"
)


@registry.command(
    epilog=examples("algolink registry gc --dry-run", "algolink registry gc --limit 10000")
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option("--limit", default=0, help="Remove at most so many artifacts; 0 means 1,000.")
@common
def gc(session: Session, dry_run: bool, limit: int) -> None:
    """Remove artifacts that no version needs.

    What was written within the grace period stays, and what a deleted version
    had, too, until it can no longer be restored.
    """
    with session.client() as client, session.waiting("collecting"):
        found = client.artifacts.collect_garbage(dry_run=dry_run, limit=limit)
    session.show(found, lambda: views.garbage(found))
    session.say(f"\n{views.summary(found, dry_run=dry_run)}")
    if found.more:
        session.say("There may be more: run it again.")


@registry.command(epilog=examples("algolink registry backup --to /backups/registry"))
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the backups; earlier ones in it stay.",
)
@common
def backup(session: Session, to: Path) -> None:
    """Back up the registry of `algolink up`, which may run.

    Only artifacts that the folder lacks are copied.
    """
    with session.waiting("backing up"):
        told = backups.run(data_folder(session), "save", to)
    session.show(told, lambda: backup_views.told(told))


@registry.command(
    epilog=examples(
        "algolink registry restore --from /backups/registry",
        "algolink registry restore --from /backups/registry --data-dir new-home",
    )
)
@click.option(
    "--from",
    "source",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the backups.",
)
@click.option("--snapshot", help="Which one.  [default: the newest]")
@common
def restore(session: Session, source: Path, snapshot: str | None) -> None:
    """Bring a registry back into a data folder that has none, while nothing runs on it."""
    folder = data_folder(session)
    folder.create()
    with folder.locked(), session.waiting("restoring"):
        told = backups.run(folder, "restore", source, *([snapshot] if snapshot else []))
    session.show(told, lambda: backup_views.told(told))


def data_folder(session: Session) -> DataFolder:
    return DataFolder((session.data_dir or default_data_dir(os.environ)).absolute())
