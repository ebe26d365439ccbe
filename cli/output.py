"""Resources as a table, JSON or YAML on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.console import Console, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

FORMATS = ("table", "json", "yaml")

_PIPED_WIDTH = 200
"""Columns of a table that no terminal cuts."""

Shown = Message | Sequence[Message] | dict[str, Any]


def to_values(shown: Shown) -> Any:
    """JSON values: protobuf JSON with the fields' own names, all fields present.

    As protobuf JSON has it, 64-bit integers are strings, times are RFC 3339,
    enum values their names.
    """
    if isinstance(shown, dict):
        return {
            key: to_values(value) if _holds_messages(value) else value
            for key, value in shown.items()
        }
    if isinstance(shown, Message):
        return json_format.MessageToDict(
            shown, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
    return [to_values(message) for message in shown]


def show(shown: Shown, output: str, table: Callable[[], RenderableType]) -> None:
    """Prints in the format that was asked for.

    Args:
        shown: what programs get.
        output: one of `FORMATS`.
        table: makes what people get.
    """
    if output == "json":
        click.echo(json.dumps(to_values(shown), indent=2))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(to_values(shown), sort_keys=False, allow_unicode=True), nl=False)
    else:
        stdout_console().print(table())


def show_line(shown: Shown) -> None:
    """Prints one line of JSON, for what is printed again and again."""
    click.echo(json.dumps(to_values(shown)))


def stdout_console() -> Console:
    """A console for tables and words; knows NO_COLOR and whether somebody looks."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(highlight=False, markup=False, width=width)


def stderr_console() -> Console:
    """A console for progress, so that stdout stays clean."""
    return Console(stderr=True, highlight=False, markup=False)


def _holds_messages(value: object) -> bool:
    if isinstance(value, Message):
        return True
    return isinstance(value, list | tuple) and all(isinstance(one, Message) for one in value)


def progress_bar() -> Progress:
    """Bytes on their way, on stderr if somebody looks."""
    console = stderr_console()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
