"""`algolink experiment`: comparing versions on live traffic."""

from __future__ import annotations

import time
from typing import TextIO

import click
from rich.live import Live

from algolink.experiment.v1 import experiment_pb2 as pb
from cli import experiment_file, output, shares
from cli.commands.experiment_assign import assign
from cli.commands.experiment_decisions import approve, decisions, plan, replay
from cli.commands.experiment_losses import acknowledge_losses
from cli.commands.experiment_report import report
from cli.session import Session, common, examples
from cli.views import experiments as views
from cli.views import series as series_views

_WATCH_S = 1.0
_OVER = (pb.STATE_CONCLUDED, pb.STATE_STOPPED)

_etag = click.option("--etag", default="", help="Only if the experiment still is as last seen.")
_wait = click.option("--wait/--no-wait", default=True, help="Return once the route follows.")
_wait_timeout = click.option(
    "--wait-timeout", default=60.0, show_default=True, help="Seconds for that."
)


@click.group()
def experiment() -> None:
    """Compare versions on live traffic."""


experiment.epilog = examples(
    "algolink experiment create -f iris-2.yaml",
    "algolink experiment start iris-2",
    "algolink experiment results iris-2 --watch",
)


@experiment.command(
    epilog=examples(
        "algolink experiment create -f iris-2.yaml", "algolink experiment create -f - < iris-2.yaml"
    )
    + "\n\n\b\nThe file:\n"
    + "\n".join(f"  {line}" for line in experiment_file.EXAMPLE.splitlines())
)
@click.option(
    "-f",
    "--file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="YAML; - reads standard input.",
)
@common
def create(session: Session, file: TextIO) -> None:
    """Make a draft from a YAML file; nothing is routed by it yet."""
    wanted = experiment_file.parse(file.read(), file.name)
    with session.client() as client:
        made = client.create_experiment(wanted.name, **experiment_file.to_arguments(wanted))
    session.show(made, lambda: views.experiment(made))
    session.say(f"\nA draft. Start it:\n  algolink experiment start {wanted.name}")


@experiment.command(epilog=examples("algolink experiment start iris-2"))
@click.argument("name")
@_etag
@_wait
@_wait_timeout
@common
def start(session: Session, name: str, etag: str, wait: bool, wait_timeout: float) -> None:
    """Start a draft: its arms get their shares of the traffic."""
    with session.client() as client, session.waiting("until Envoy splits the traffic"):
        started = client.start_experiment(name, etag=etag, wait=wait, wait_timeout_s=wait_timeout)
    session.show(started, lambda: views.experiment(started))
    session.say("\nLook at it, as often as you like:")
    session.say(f"  algolink experiment results {name} --watch")


@experiment.command(
    epilog=examples(
        "algolink experiment ramp iris-2 champion=50% challenger=50%",
        "algolink experiment ramp iris-2 champion=9950bp challenger=50bp",
    )
)
@click.argument("name")
@click.argument("weights", nargs=-1, required=True, metavar="ARM=SHARE...")
@_etag
@_wait
@_wait_timeout
@common
def ramp(
    session: Session,
    name: str,
    weights: tuple[str, ...],
    etag: str,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Change the shares of all arms; only the units that must move do.

    A share is in percent (10%) or basis points (1000bp); all sum to 100%.
    """
    weights_bp = shares.by_arm(weights)
    with session.client() as client, session.waiting("until Envoy splits the traffic so"):
        ramped = client.ramp_experiment(
            name, weights_bp, etag=etag, wait=wait, wait_timeout_s=wait_timeout
        )
    session.show(ramped, lambda: views.experiment(ramped))


@experiment.command(epilog=examples("algolink experiment stop iris-2"))
@click.argument("name")
@_etag
@_wait
@_wait_timeout
@common
def stop(session: Session, name: str, etag: str, wait: bool, wait_timeout: float) -> None:
    """End it without promoting anybody: all traffic goes back to the champion.

    It also releases one whose winner the registry does not make champion.
    """
    with session.client() as client, session.waiting("until the champion has all traffic"):
        stopped = client.stop_experiment(name, etag=etag, wait=wait, wait_timeout_s=wait_timeout)
    session.show(stopped, lambda: views.experiment(stopped))


@experiment.command(
    epilog=examples(
        "algolink experiment conclude iris-2",
        "algolink experiment conclude iris-2 --winner challenger",
        "algolink experiment conclude iris-2 --winner champion --force",
    )
)
@click.argument("name")
@click.option("--winner", help="Id of the arm; without it the experiment's rule decides.")
@click.option("--force", is_flag=True, help="Conclude with it whatever the rule says.")
@_etag
@_wait
@_wait_timeout
@common
def conclude(
    session: Session,
    name: str,
    winner: str | None,
    force: bool,
    etag: str,
    wait: bool,
    wait_timeout: float,
) -> None:
    """Give the verdict and promote the winner to champion."""
    if force and winner is None:
        raise click.UsageError("--force needs --winner")
    with session.client() as client, session.waiting("until the winner is champion"):
        concluded = client.conclude_experiment(
            name,
            winner=winner,
            force=force,
            etag=etag,
            wait=wait,
            wait_timeout_s=wait_timeout,
        )
    session.show(concluded, lambda: views.experiment(concluded))


@experiment.command(
    epilog=examples(
        "algolink experiment results iris-2",
        "algolink experiment results iris-2 --watch",
        "algolink experiment results iris-2 -o json",
        "algolink experiment results iris-2 --series -o json",
    )
)
@click.argument("name")
@click.option("--watch", is_flag=True, help="Again every second until it is over; Ctrl-C ends.")
@click.option("--series", is_flag=True, help="How they became so, from the start to now.")
@common
def results(session: Session, name: str, watch: bool, series: bool) -> None:
    """Show what was measured; valid however often you look.

    With --watch, json and yaml print one line of JSON per look.
    """
    if watch and series:
        raise click.UsageError("--watch shows what is now, --series what was: use one of them")
    if series:
        with session.client() as client:
            course = client.policies.course(name)
        session.show(course, lambda: series_views.course(course))
        return
    if watch:
        _watch(session, name)
        return
    with session.client() as client:
        found = client.results(name)
    session.show(found, lambda: views.results(found))


@experiment.command("list", epilog=examples("algolink experiment list --model iris"))
@click.option("--model", help="Only those of this model.")
@common
def list_experiments(session: Session, model: str | None) -> None:
    """List experiments, newest first."""
    with session.client() as client:
        found = client.experiments(model=model)
    session.show(found, lambda: views.experiments(found))


@experiment.command(epilog=examples("algolink experiment show iris-2"))
@click.argument("name")
@common
def show(session: Session, name: str) -> None:
    """Show an experiment."""
    with session.client() as client:
        found = client.experiment(name)
    session.show(found, lambda: views.experiment(found))


experiment.add_command(assign)
experiment.add_command(acknowledge_losses)


def _watch(session: Session, name: str) -> None:
    with session.client() as client:
        found = client.results(name)
        if not session.is_for_people:
            output.show_line(found)
            while client.experiment(name).state not in _OVER:
                time.sleep(_WATCH_S)
                output.show_line(client.results(name))
            return
        with Live(views.results(found), console=output.stdout_console()) as live:
            while client.experiment(name).state not in _OVER:
                time.sleep(_WATCH_S)
                live.update(views.results(client.results(name)))


experiment.add_command(decisions)
experiment.add_command(replay)
experiment.add_command(plan)
experiment.add_command(report)
experiment.add_command(approve)
