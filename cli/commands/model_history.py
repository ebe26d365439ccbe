"""`algolink model history` and `rollback`."""

from __future__ import annotations

import click

from algolink.names import CHAMPION
from cli.session import Session, common, examples
from cli.views import ledger as views


@click.command(
    epilog=examples("algolink model history iris", "algolink model history iris --alias champion")
)
@click.argument("name")
@click.option("--alias", help="Only moves of this alias.")
@common
def history(session: Session, name: str, alias: str | None) -> None:
    """List every move of a model's aliases, newest first."""
    with session.client() as client:
        found = client.history.alias_moves(name, alias)
    session.show(found, lambda: views.moves(found))


@click.command(
    epilog=examples(
        "algolink model rollback iris --reason 'errors since noon'",
        "algolink model rollback iris nightly",
    )
)
@click.argument("name")
@click.argument("alias", default=CHAMPION)
@click.option("--reason", default="", help="Why, in your words.")
@click.option("--etag", default="", help="Only if the model still is as last seen.")
@click.option("--wait/--no-wait", default=True, help="Return once a new champion answers.")
@click.option("--wait-timeout", default=60.0, show_default=True, help="Seconds for that.")
@common
def rollback(
    session: Session,
    name: str,
    alias: str,
    reason: str,
    etag: str,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Move an ALIAS, or the champion, to where it pointed before its last move.

    Again, and it goes further back.
    """
    with session.client() as client, session.waiting("until the route follows"):
        move = client.history.roll_back(
            name, alias, reason=reason, etag=etag, wait=wait, wait_timeout_s=wait_timeout
        )
    session.show(move, lambda: views.move(move))
