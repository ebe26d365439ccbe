"""`algolink experiment acknowledge-losses`: going on after exposures were lost."""

from __future__ import annotations

import click

from cli.session import Session, common, examples
from cli.views import losses as views


@click.command(
    "acknowledge-losses",
    epilog=examples(
        'algolink experiment acknowledge-losses iris-2 --note "disk was full for a minute"'
    ),
)
@click.argument("name")
@click.option("--note", default="", help="What you found; kept with the evidence.")
@common
def acknowledge_losses(session: Session, name: str, note: str) -> None:
    """Take note of lost exposures, so that the rule may conclude again.

    They stay in the results. A loss that grows later has to be acknowledged anew.
    """
    with session.client() as client:
        taken = client.losses.acknowledge(name, note=note)
    session.show(taken, lambda: views.losses(taken) if taken else "nothing is lost")
