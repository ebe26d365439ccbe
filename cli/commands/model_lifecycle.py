"""`algolink model compare`, `annotate`, `deprecate`, `archive`, `delete` and `restore`."""

from __future__ import annotations

from collections.abc import Callable

import click

from algolink.registry.v1 import registry_pb2 as pb
from cli.pairs import NUMBER_PAIR, PAIR
from cli.session import Session, common, examples
from cli.views import comparisons
from cli.views import models as views

Command = Callable[..., None]


def _arguments(function: Command) -> Command:
    """A version, why, and an etag, for all commands that move one."""
    for decorate in (
        common,
        click.option("--etag", default="", help="Only if the version still is as last seen."),
        click.option("--reason", default="", help="Why, in your words."),
        click.argument("version", type=click.IntRange(min=1)),
        click.argument("name"),
    ):
        function = decorate(function)
    return function


@click.command(epilog=examples("algolink model deprecate iris 1 --reason 'trained on last year'"))
@_arguments
def deprecate(session: Session, name: str, version: int, reason: str, etag: str) -> None:
    """Advise against a VERSION; aliases may still name it."""
    with session.client() as client:
        moved = client.lifecycle.deprecate(name, version, reason=reason, etag=etag)
    _show(session, moved)


@click.command(epilog=examples("algolink model archive iris 1 --reason 'replaced by 2'"))
@_arguments
def archive(session: Session, name: str, version: int, reason: str, etag: str) -> None:
    """Retire a VERSION: no alias can be pointed at it."""
    with session.client() as client:
        moved = client.lifecycle.archive(name, version, reason=reason, etag=etag)
    _show(session, moved)


@click.command(epilog=examples("algolink model delete iris 1"))
@_arguments
def delete(session: Session, name: str, version: int, reason: str, etag: str) -> None:
    """Delete a VERSION; for a while it can be restored."""
    with session.client() as client:
        moved = client.lifecycle.delete(name, version, reason=reason, etag=etag)
    _show(session, moved)


@click.command(epilog=examples("algolink model restore iris 1"))
@_arguments
def restore(session: Session, name: str, version: int, reason: str, etag: str) -> None:
    """Make a deprecated, archived or deleted VERSION ready again."""
    with session.client() as client:
        moved = client.lifecycle.restore(name, version, reason=reason, etag=etag)
    _show(session, moved)


@click.command(
    epilog=examples(
        "algolink model annotate iris 2 --tag team=fraud --metric auc=0.93",
        "algolink model annotate iris 2 --description 'more trees' --remove-tag team",
    )
)
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--description", help="In your words; empty removes it.")
@click.option("--tag", "tags", type=PAIR, multiple=True, help="Add or replace it; repeatable.")
@click.option("--remove-tag", "remove_tags", multiple=True, metavar="NAME", help="Repeatable.")
@click.option(
    "--metric", "metrics", type=NUMBER_PAIR, multiple=True, help="Add or replace it; repeatable."
)
@click.option(
    "--remove-metric", "remove_metrics", multiple=True, metavar="NAME", help="Repeatable."
)
@click.option("--etag", default="", help="Only if the version still is as last seen.")
@common
def annotate(
    session: Session,
    name: str,
    version: int,
    description: str | None,
    tags: tuple[tuple[str, str], ...],
    remove_tags: tuple[str, ...],
    metrics: tuple[tuple[str, float], ...],
    remove_metrics: tuple[str, ...],
    etag: str,
) -> None:
    """Change the description, tags and offline metrics of a VERSION."""
    with session.client() as client:
        noted = client.lifecycle.annotate(
            name,
            version,
            description=description,
            tags=dict(tags),
            remove_tags=remove_tags,
            metrics=dict(metrics),
            remove_metrics=remove_metrics,
            etag=etag,
        )
    _show(session, noted)


@click.command(epilog=examples("algolink model compare iris 1 2"))
@click.argument("name")
@click.argument("base", type=click.IntRange(min=1))
@click.argument("candidate", type=click.IntRange(min=1))
@common
def compare(session: Session, name: str, base: int, candidate: int) -> None:
    """Say whether callers of version BASE could be answered by CANDIDATE.

    The exit status is 0 either way: the answer is `compatible`.
    """
    with session.client() as client:
        found = client.lifecycle.compare(name, base, candidate)
    session.show(found, lambda: comparisons.comparison(found))


def _show(session: Session, version: pb.Version) -> None:
    session.show(version, lambda: views.version(version))
