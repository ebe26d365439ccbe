"""`algolink policy`: what is done without being asked."""

from __future__ import annotations

from typing import TextIO

import click

from cli import policy_file
from cli.session import Session, common, examples
from cli.views import policies as views


@click.group()
def policy() -> None:
    """Define what is done without being asked."""


policy.epilog = examples(
    "algolink policy create -f careful.yaml", "algolink policy list", "algolink policy show careful"
)


@policy.command(
    epilog=examples("algolink policy create -f careful.yaml")
    + "\n\n\b\nThe file:\n"
    + "\n".join(f"  {line}" for line in policy_file.EXAMPLE.splitlines())
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
    """Define a policy, or its next version, from a YAML file.

    A version never changes. What the newest says already changes nothing.
    """
    name, definition = policy_file.parse(file.read(), file.name)
    with session.client() as client:
        made = client.policies.create(name, definition)
    session.show(made, lambda: views.policy(made))
    session.say(f"\nName it in an experiment: policy: {views.short(made.name)}")


@policy.command("list", epilog=examples("algolink policy list", "algolink policy list careful"))
@click.argument("name", required=False)
@common
def list_policies(session: Session, name: str | None) -> None:
    """List the newest version of every policy, or all versions of one."""
    with session.client() as client:
        found = client.policies.list(name)
    session.show(found, lambda: views.policies(found))


@policy.command(epilog=examples("algolink policy show careful", "algolink policy show careful@2"))
@click.argument("name")
@common
def show(session: Session, name: str) -> None:
    """Show a policy's newest version, or the one that is named."""
    with session.client() as client:
        found = client.policies.get(name)
    session.show(found, lambda: views.policy(found))
