from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from cli.main import _SUMMARIES, algolink
from tests.cli.conftest import Run


def every_command(
    group: click.Group = algolink, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


COMMANDS = list(every_command())
OWN_OPTIONS = {
    (name,)
    for name in (
        "up",
        "completion",
        "model",
        "experiment",
        "metric",
        "outcome",
        "policy",
        "route",
        "mesh",
        "traffic",
        "audit",
        "registry",
    )
} | {("traffic", "rules"), ("traffic", "rules", "example")}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(path: tuple[str, ...], run: Run) -> None:
    done = run(*path, "--help")

    assert done.status == 0
    assert "Example" in done.out
    assert f"algolink {path[0]}" in done.out


@pytest.mark.parametrize("path", sorted(set(COMMANDS) - OWN_OPTIONS), ids=" ".join)
def test_every_command_takes_the_common_options(path: tuple[str, ...], run: Run) -> None:
    shown = run(*path, "--help").out

    for option in ("-o, --output", "--endpoint", "--data-dir", "--token-file"):
        assert option in shown


def test_the_summaries_are_those_of_the_commands() -> None:
    context = click.Context(algolink)
    for name, summary in _SUMMARIES.items():
        command = algolink.get_command(context, name)
        assert command is not None
        assert (command.help or "").splitlines()[0].startswith(summary.rstrip("."))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str, run: Run) -> None:
    done = run("completion", shell)

    assert done.status == 0
    assert "_ALGOLINK_COMPLETE" in done.out
