"""`algolink model search`."""

from __future__ import annotations

import re

import click

from cli.session import Session, common, examples
from cli.views import models as views

_NOTED = re.compile(r"\b((?:tags|metrics)\.[a-z][a-z0-9_./-]*)")


@click.command(
    epilog=examples(
        "algolink model search 'tags.team = vision AND metrics.accuracy > 0.9'",
        "algolink model search aliases:champion --order-by 'metrics.accuracy desc' --limit 10",
        "algolink model search 'state = READY AND create_time < \"2026-03-01T00:00:00Z\"'",
    )
    + "\n\n\b\nFields:\n"
    "  model number state digest size_bytes description pusher create_time state_time\n"
    "  tags.KEY metrics.NAME aliases:NAME; a word alone is looked for in model and description\n"
    "\n\b\nSigns:\n"
    "  = != < <= > >=, : (contains, or has the key), * (anything), AND OR NOT -, brackets;\n"
    "  OR binds closer than AND"
)
@click.argument("filter", default="")
@click.option("--order-by", default="", metavar="FIELDS", help="'metrics.f1 desc, model'.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--deleted", is_flag=True, help="Deleted versions, too.")
@common
def search(session: Session, filter: str, order_by: str, limit: int, deleted: bool) -> None:
    """Find versions of all models by a filter."""
    with session.client() as client:
        found = client.search.versions(filter, order_by=order_by, limit=limit, deleted=deleted)
    noted = list(dict.fromkeys(_NOTED.findall(f"{filter} {order_by}")))
    session.show(found, lambda: views.found_versions(found, noted))
    if len(found) == limit:
        session.say(f"\nThese are the first {limit}; there may be more: --limit {10 * limit}")
