"""`algolink registry`: what operators do with the registry's data."""

from __future__ import annotations

import click

from cli.session import Session, common, examples
from cli.views import artifacts as views


@click.group()
def registry() -> None:
    """Look after the registry's data."""


registry.epilog = examples("algolink registry gc --dry-run")


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
