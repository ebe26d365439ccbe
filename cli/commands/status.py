"""`algolink status`."""

from __future__ import annotations

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.session import Session, common, examples
from cli.views import losses as loss_views
from cli.views import routes as views


@click.command(epilog=examples("algolink status", "algolink status -o json"))
@common
def status(session: Session) -> None:
    """Show what runs and what is served."""
    with session.client() as client:
        found = client.status()
        routes = client.routes()
        lost = client.losses.unacknowledged()
        connection = client.connection

    def table() -> RenderableType:
        head = f"predictions {connection.data_endpoint}, administration {connection.admin_endpoint}"
        settling = ("the router has just started: replicas are still announcing themselves",)
        return Group(
            head,
            *(settling if found.settling else ()),
            *((Text(loss_views.alarm(lost), style="bold red"),) if lost else ()),
            "",
            views.replicas(found),
            "",
            views.envoys(found),
            "",
            views.routes(routes) if routes else "nothing is routed yet",
            *(("", loss_views.losses(lost)) if lost else ()),
        )

    session.show(
        {
            "admin_endpoint": connection.admin_endpoint,
            "data_endpoint": connection.data_endpoint,
            "status": found,
            "routes": routes,
            "losses": lost,
        },
        table,
    )
