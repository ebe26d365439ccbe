"""`algolink route`: where requests go, and why."""

from __future__ import annotations

import click

from cli.session import Session, common, examples
from cli.views import routes as views


@click.group()
def route() -> None:
    """Show where requests go, and why."""


route.epilog = examples(
    "algolink route list", "algolink route show iris", "algolink route explain iris --unit user-42"
)


@route.command("list", epilog=examples("algolink route list"))
@common
def list_routes(session: Session) -> None:
    """List all routes."""
    with session.client() as client:
        found = client.routes()
    session.show(found, lambda: views.routes(found))


@route.command(epilog=examples("algolink route show iris", "algolink route show iris -o yaml"))
@click.argument("model")
@common
def show(session: Session, model: str) -> None:
    """Show how requests for a model are routed."""
    with session.client() as client:
        found = client.route(model)
    session.show(found, lambda: views.route(found))


@route.command(
    epilog=examples(
        "algolink route explain iris --unit user-42", "algolink route explain iris --version 2"
    )
)
@click.argument("model")
@click.option("--unit", default="", help="Value of x-algolink-unit; without it, none is sent.")
@click.option("--version", type=click.IntRange(min=1), help="Version that the request names.")
@common
def explain(session: Session, model: str, unit: str, version: int | None) -> None:
    """Say where a request would go, rule by rule."""
    with session.client() as client:
        found = client.explain(model, unit=unit, version=version)
    session.show(found, lambda: views.explanation(found))
