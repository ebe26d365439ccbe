"""`algolink experiment plan`, `decisions`, `replay` and `approve`."""

from __future__ import annotations

import time
from typing import TextIO

import click

from algolink.errors import FailedPrecondition
from algolink.experiment.v1 import experiment_pb2
from cli import experiment_file, output
from cli.session import Session, common, examples
from cli.views import policies as views

_WATCH_S = 1.0
_OVER = (experiment_pb2.STATE_CONCLUDED, experiment_pb2.STATE_STOPPED)


@click.command(
    epilog=examples(
        "algolink experiment plan -f iris-2.yaml",
        "algolink experiment plan -f iris-2.yaml --deviation 0.5 --units-per-day 10000",
    )
)
@click.option(
    "-f",
    "--file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="The experiment's YAML; - reads standard input.",
)
@click.option("--power", default=0.8, show_default=True, help="Chance to find the effect.")
@click.option(
    "--deviation", default=0.0, help="Of a unit's value; else from the model's newest experiment."
)
@click.option("--units-per-day", default=0.0, help="New ones; else from there, too.")
@common
def plan(
    session: Session, file: TextIO, power: float, deviation: float, units_per_day: float
) -> None:
    """Say how many units, and how long, an experiment will take; nothing is made.

    It plans for the primary metric's minimum effect, with what is known from the
    model's newest experiment.
    """
    wanted = experiment_file.parse(file.read(), file.name)
    with session.client() as client:
        planned = client.policies.plan(
            model=wanted.model,
            arms=wanted.arms,
            metric=wanted.metric,
            metrics=wanted.metrics,
            unit=wanted.unit,
            analysis=wanted.analysis,
            power=power,
            deviation=deviation,
            units_per_day=units_per_day,
        )
    session.show(planned, lambda: views.plan(planned))


@click.command(
    epilog=examples(
        "algolink experiment decisions iris-2", "algolink experiment decisions iris-2 --watch"
    )
)
@click.argument("name")
@click.option("--watch", is_flag=True, help="Print each as it comes until it is over.")
@common
def decisions(session: Session, name: str, watch: bool) -> None:
    """List what the experiment's policy did, or waits with.

    With --watch, json and yaml print one line of JSON per decision.
    """
    with session.client() as client:
        found = client.policies.decisions(name)
        if not watch:
            session.show(found, lambda: views.decisions(found))
            return
        last = 0
        while True:
            over = client.experiment(name).state in _OVER
            for decision in client.policies.decisions(name, after=last):
                last = decision.number
                if session.is_for_people:
                    session.say(views.line(decision))
                else:
                    output.show_line(decision)
            if over:
                return
            time.sleep(_WATCH_S)


@click.command(
    epilog=examples(
        "algolink experiment replay iris-2", "algolink experiment replay iris-2 --number 3"
    )
)
@click.argument("name")
@click.option("--number", type=click.IntRange(1), help="Which decision; the last if left out.")
@click.option("--evidence", is_flag=True, help="Print the evidence, as the digest is of it.")
@common
def replay(session: Session, name: str, number: int | None, evidence: bool) -> None:
    """Compute a decision again from the facts of its moment, and compare.

    Every unit is made anew from its single exposures. Exit status 1 if the
    digests differ.
    """
    with session.client() as client:
        found = client.policies.replay(name, number or 0)
    if evidence:
        click.echo(found.evidence_json, nl=False)
    else:
        session.show(found, lambda: views.replay(found))
    if not found.same:
        raise FailedPrecondition(
            "REPLAY_DIFFERS",
            f"decision {found.decision.number} comes out otherwise: {', '.join(found.differences)}",
            experiment=name,
        )


@click.command(
    epilog=examples(
        "algolink experiment approve iris-2",
        "algolink experiment approve iris-2 'promote challenger'",
    )
)
@click.argument("name")
@click.argument("what", default="")
@common
def approve(session: Session, name: str, what: str) -> None:
    """Let the policy do what it waits with, or only WHAT you name."""
    with session.client() as client:
        approved = client.policies.approve(name, what)
    session.show({"approved": approved}, lambda: views.approved(approved))
