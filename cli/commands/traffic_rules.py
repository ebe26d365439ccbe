"""`algolink traffic rules`: who goes where before any split, and how requests are tried."""

from __future__ import annotations

from typing import TextIO

import click

from algolink.errors import AlgoLinkError
from cli import rules_file, rules_text
from cli.session import Session, common, examples
from cli.views import rules as views
from cli.views import traffic as traffic_views

_etag = click.option("--etag", default="", help="Only if the traffic still is as last seen.")
_reason = click.option("--reason", default="", help="Why, in your words.")
_wait = click.option("--wait/--no-wait", default=True, help="Return once every Envoy follows.")
_wait_timeout = click.option(
    "--wait-timeout", default=60.0, show_default=True, help="Seconds for that."
)


@click.group()
def rules() -> None:
    """Override units, route audiences, hold units out, shadow, retry.

    All rules of a model are one file, set and ended as a whole. `rules example`
    prints one that has everything.
    """


rules.epilog = examples(
    "algolink traffic rules example > rules.yaml",
    "algolink traffic rules set iris --file rules.yaml",
    "algolink traffic rules show iris",
)


@rules.command(epilog=examples("algolink traffic rules example > rules.yaml"))
def example() -> None:
    """Print a file with every key."""
    click.echo(rules_file.EXAMPLE, nl=False)


@rules.command(
    "set",
    epilog=examples(
        "algolink traffic rules set iris --file rules.yaml --reason 'beta testers'",
    ),
)
@click.argument("model")
@click.option(
    "-f",
    "--file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="YAML, as `rules example` prints it; - reads standard input.",
)
@_etag
@_reason
@_wait
@_wait_timeout
@common
def set_rules(
    session: Session,
    model: str,
    file: TextIO,
    etag: str,
    reason: str,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Set a model's rules; those before are gone."""
    parsed = rules_file.parse(file.read(), file.name)
    with session.client() as client, session.waiting("until every Envoy follows"):
        try:
            decided = client.traffic.rules.set(
                model,
                parsed.rules,
                etag=etag,
                reason=reason,
                wait=wait,
                wait_timeout_s=wait_timeout,
            )
        except AlgoLinkError as error:
            raise parsed.located(error) from error
    session.show(decided, lambda: traffic_views.traffic(decided))
    session.say(f"\nSee where a request goes:\n  algolink route explain {model} --unit user-42")


@rules.command(
    epilog=examples(
        "algolink traffic rules show iris",
        "algolink traffic rules show iris --as-file > rules.yaml",
    )
)
@click.argument("model")
@click.option("--as-file", is_flag=True, help="Print them as `rules set` takes them.")
@common
def show(session: Session, model: str, as_file: bool) -> None:
    """Show a model's rules."""
    with session.client() as client:
        found = client.traffic.rules.get(model)
    if as_file:
        click.echo(rules_text.render(found), nl=False)
    else:
        session.show(found, lambda: views.rules(model, found))


@rules.command(epilog=examples("algolink traffic rules clear iris"))
@click.argument("model")
@_etag
@_reason
@_wait
@_wait_timeout
@common
def clear(
    session: Session, model: str, etag: str, reason: str, wait: bool, wait_timeout: float
) -> None:
    """End all rules of a model."""
    with session.client() as client, session.waiting("until every Envoy follows"):
        decided = client.traffic.rules.clear(
            model, etag=etag, reason=reason, wait=wait, wait_timeout_s=wait_timeout
        )
    session.show(decided, lambda: traffic_views.traffic(decided))
