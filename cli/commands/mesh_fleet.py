"""`algolink mesh status` and `remove-envoy`: who is there, and who will not come back."""

from __future__ import annotations

import click
from rich.console import Group, RenderableType

from cli.session import Session, common, examples
from cli.views import fleet as views


@click.command(epilog=examples("algolink mesh status", "algolink mesh status -o json"))
@common
def status(session: Session) -> None:
    """Show routers and Envoys, what each Envoy has taken, and what it refuses."""
    with session.client() as client:
        found = client.fleet.get()

    def tables() -> RenderableType:
        envoys = views.envoys(found) if found.envoys else "no Envoy has asked for a table yet"
        return Group(views.routers(found), "", envoys, *views.refusals(found))

    session.show(found, tables)


@click.command("remove-envoy", epilog=examples("algolink mesh remove-envoy edge-3"))
@click.argument("envoy", metavar="ENVOY")
@common
def remove_envoy(session: Session, envoy: str) -> None:
    """Forget an Envoy that does not come back.

    Until then its last table is taken for served: no version that is in it is
    unloaded, for 24 hours.
    """
    with session.client() as client:
        client.fleet.remove_envoy(envoy)
    session.say(f"Envoy {envoy} is forgotten.")
