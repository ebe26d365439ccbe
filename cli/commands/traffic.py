"""`algolink traffic`: what operators decide."""

from __future__ import annotations

import click

from cli import shares
from cli.commands import traffic_rules
from cli.session import Session, common, examples
from cli.views import traffic as views

_etag = click.option("--etag", default="", help="Only if the traffic still is as last seen.")
_reason = click.option("--reason", default="", help="Why, in your words.")
_wait = click.option("--wait/--no-wait", default=True, help="Return once every Envoy follows.")
_wait_timeout = click.option(
    "--wait-timeout", default=60.0, show_default=True, help="Seconds for that."
)
_version = click.argument("version", type=click.IntRange(min=1))


@click.group()
def traffic() -> None:
    """Shift, kill and freeze traffic.

    The strongest first: kill, freeze, a version that the request names, overrides,
    audiences, holdout, experiment, shift, champion.
    """


traffic.epilog = examples(
    "algolink traffic shift iris 1=90 2=10",
    "algolink traffic kill iris 2",
    "algolink traffic history iris",
)


traffic.add_command(traffic_rules.rules)


@traffic.command(epilog=examples("algolink traffic show iris"))
@click.argument("model")
@common
def show(session: Session, model: str) -> None:
    """Show what is decided for a model."""
    with session.client() as client:
        found = client.traffic.get(model)
    session.show(found, lambda: views.traffic(found))


@traffic.command(
    epilog=examples(
        "algolink traffic shift iris 1=90 2=10",
        "algolink traffic shift iris 1=99.5% 2=50bp --unit request",
        "algolink traffic shift iris --clear",
    )
)
@click.argument("model")
@click.argument("weights", nargs=-1, metavar="[VERSION=SHARE...]")
@click.option("--clear", is_flag=True, help="End the shift: the champion gets everything.")
@click.option(
    "--unit",
    type=click.Choice(["header", "request"]),
    help="What is hashed: x-algolink-unit, or each request.  [default: as it is, or header]",
)
@_etag
@_reason
@_wait
@_wait_timeout
@common
def shift(
    session: Session,
    model: str,
    weights: tuple[str, ...],
    clear: bool,
    unit: str | None,
    etag: str,
    reason: str,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Give versions shares of the traffic, without an experiment.

    A share is in percent (10 or 10%) or basis points (1000bp); all sum to 100%.
    From one shift to the next only the units that must move do.
    """
    if clear == bool(weights) or (clear and unit):
        raise click.UsageError("name either VERSION=SHARE for each version, or --clear")
    weights_bp = shares.by_version(weights)
    with session.client() as client, session.waiting("until every Envoy follows"):
        if clear:
            decided = client.traffic.clear(
                model, etag=etag, reason=reason, wait=wait, wait_timeout_s=wait_timeout
            )
        else:
            decided = client.traffic.shift(
                model,
                weights_bp,
                unit=unit,
                etag=etag,
                reason=reason,
                wait=wait,
                wait_timeout_s=wait_timeout,
            )
    session.show(decided, lambda: views.traffic(decided))


@traffic.command(
    epilog=examples(
        "algolink traffic kill iris 2 --reason 'wrong on wide petals'",
        "algolink traffic kill iris 1 --to 2",
    )
)
@click.argument("model")
@_version
@click.option(
    "--to", type=click.IntRange(min=1), help="Takes over as champion; needed to kill the champion."
)
@_etag
@_reason
@_wait
@_wait_timeout
@common
def kill(
    session: Session,
    model: str,
    version: int,
    to: int | None,
    etag: str,
    reason: str,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Take a version out of everything, at once.

    Its units go to the champion; requests that name it are refused.
    """
    with session.client() as client, session.waiting("until every Envoy follows"):
        decided = client.traffic.kill(
            model,
            version,
            to=to,
            etag=etag,
            reason=reason,
            wait=wait,
            wait_timeout_s=wait_timeout,
        )
    session.show(decided, lambda: views.traffic(decided))
    session.say(f"\nTake it back:\n  algolink traffic revive {model} {version}")


@traffic.command(epilog=examples("algolink traffic revive iris 2"))
@click.argument("model")
@_version
@_etag
@_reason
@_wait
@_wait_timeout
@common
def revive(
    session: Session,
    model: str,
    version: int,
    etag: str,
    reason: str,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Take a kill back."""
    with session.client() as client, session.waiting("until every Envoy follows"):
        decided = client.traffic.revive(
            model, version, etag=etag, reason=reason, wait=wait, wait_timeout_s=wait_timeout
        )
    session.show(decided, lambda: views.traffic(decided))


@traffic.command(epilog=examples("algolink traffic freeze iris --reason 'release weekend'"))
@click.argument("model")
@_etag
@_reason
@_wait
@_wait_timeout
@common
def freeze(
    session: Session, model: str, etag: str, reason: str, wait: bool, wait_timeout: float
) -> None:
    """Keep the route as it is, whatever happens; kills excepted."""
    with session.client() as client, session.waiting("until it is frozen"):
        decided = client.traffic.freeze(
            model, etag=etag, reason=reason, wait=wait, wait_timeout_s=wait_timeout
        )
    session.show(decided, lambda: views.traffic(decided))


@traffic.command(epilog=examples("algolink traffic unfreeze iris"))
@click.argument("model")
@_etag
@_reason
@_wait
@_wait_timeout
@common
def unfreeze(
    session: Session, model: str, etag: str, reason: str, wait: bool, wait_timeout: float
) -> None:
    """Let the route follow registry, experiments and shifts again."""
    with session.client() as client, session.waiting("until every Envoy follows"):
        decided = client.traffic.unfreeze(
            model, etag=etag, reason=reason, wait=wait, wait_timeout_s=wait_timeout
        )
    session.show(decided, lambda: views.traffic(decided))


@traffic.command(
    epilog=examples(
        "algolink traffic history iris", "algolink traffic history iris --limit 500 -o json"
    )
)
@click.argument("model")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000),
    default=20,
    show_default=True,
    help="Entries at most.",
)
@common
def history(session: Session, model: str, limit: int) -> None:
    """Show who decided what when, and what the route became; newest first."""
    with session.client() as client:
        found = client.traffic.history(model, limit=limit)
    session.show(found, lambda: views.history(found))
