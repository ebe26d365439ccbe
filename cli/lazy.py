"""A group whose commands are imported when they are run, so that `--help` is instant."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of commands named by `module:attribute`.

    Args:
        targets: where each command is, in the order of the help.
        summaries: one line for each, so that the help needs no import.
        more: of `click.Group`.
    """

    def __init__(
        self, *, targets: Mapping[str, str], summaries: Mapping[str, str], **more: Any
    ) -> None:
        super().__init__(**more)
        self._targets = dict(targets)
        self._summaries = dict(summaries)

    # The contexts are click's signature, which callers use by keyword.
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self._targets)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        target = self._targets.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{target} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summaries[name]) for name in self._targets])
