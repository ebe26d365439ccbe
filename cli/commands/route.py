"""`algolink route`: where requests go, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.pairs import PAIR
from cli.rendering import folder, tables
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
        "algolink route explain iris --unit user-42",
        "algolink route explain iris --unit user-42 --attr country=FR --attr age=42",
        "algolink route explain iris --version 2",
        "algolink route explain iris --unit user-42 --at 2026-11-20T14:30:00Z",
    )
)
@click.argument("model")
@click.option("--unit", default="", help="Value of x-algolink-unit; without it, none is sent.")
@click.option("--version", type=click.IntRange(min=1), help="Version that the request names.")
@click.option(
    "--attr",
    "attributes",
    type=PAIR,
    multiple=True,
    metavar="NAME=VALUE",
    help="An x-algolink-attr-NAME; given twice, it is sent twice.",
)
@click.option(
    "--at",
    metavar="TIME",
    callback=lambda _context, _option, value: _moment(value) if value else None,
    help="Where it went then: ISO 8601, UTC if it names no zone.",
)
@common
def explain(
    session: Session,
    model: str,
    unit: str,
    version: int | None,
    attributes: tuple[tuple[str, str], ...],
    at: datetime | None,
) -> None:
    """Say where a request would go, rule by rule."""
    values: dict[str, list[str]] = {}
    for name, value in attributes:
        values.setdefault(name, []).append(value)
    with session.client() as client:
        found = client.explain(model, unit=unit, version=version, attributes=values, at=at)
    session.show(found, lambda: views.explanation(found))


@route.command(
    epilog=examples(
        "algolink route export > table.json", "algolink route export iris --out table.json"
    )
)
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File; without it, stdout."
)
@common
def export(session: Session, models: tuple[str, ...], out: Path | None) -> None:
    """Write the table that is served now, or some models' part of it, as a file."""
    with session.client() as client:
        found = client.route_table(*models)
    if out is not None:
        folder.write_whole(out, tables.to_text(found.content_json))
    elif session.format == "yaml":
        session.show(json.loads(found.content_json), lambda: "")
    else:
        click.echo(tables.to_text(found.content_json), nl=False)


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no time: use 2026-11-20T14:30:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
