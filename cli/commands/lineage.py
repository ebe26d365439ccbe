"""`algolink lineage`: where versions came from, and what came from them."""

from __future__ import annotations

import click

from cli.session import Session, common, examples
from cli.views import lineage as views

_AS_TEXT = {"dot": views.dot, "mermaid": views.mermaid}


@click.command(
    epilog=examples(
        "algolink lineage churn/7 --upstream",
        "algolink lineage churn/7 --draw mermaid > lineage.mmd",
        "algolink lineage s3://lake/customers.parquet --downstream",
        "algolink lineage s3://lake/customers.parquet --production",
    )
)
@click.argument("start", metavar="MODEL/VERSION|DATASET")
@click.option("--upstream", "direction", flag_value="upstream", help="What it came from.")
@click.option("--downstream", "direction", flag_value="downstream", help="What came from it.")
@click.option("--depth", type=click.IntRange(1, 100), help="Steps between versions.")
@click.option("--draw", type=click.Choice(sorted(_AS_TEXT)), help="For another program to draw.")
@click.option(
    "--production",
    is_flag=True,
    help="Of a dataset: list versions that used it and that an alias points at.",
)
@common
def lineage(
    session: Session,
    start: str,
    direction: str | None,
    depth: int | None,
    draw: str | None,
    production: bool,
) -> None:
    """Follow where a version, or a dataset, came from and what came from it.

    Without a direction, both. A lineage is recorded with
    `algolink model push --lineage FILE` or `algolink model record-lineage`.
    """
    with session.client() as client:
        if production:
            users = client.lineage.users_of(start, in_production=True)
            session.show(users, lambda: views.users(users))
            return
        way = direction or ("downstream" if ":" in start else "both")
        found = client.lineage.trace(start, way, depth=depth or 0)
    if draw is not None:
        click.echo(_AS_TEXT[draw](found))
        return
    session.show(found, lambda: views.tree(found, way))
    if found.cut:
        session.say("\nIt goes on: ask with a greater --depth.")
