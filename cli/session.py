"""Options that every command takes, and the client made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import RenderableType

from algolink.client import Client
from algolink.errors import InvalidArgument
from cli import output

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How this command connects and prints."""

    format: str
    endpoint: str | None
    data_endpoint: str | None
    data_dir: Path | None
    token_file: Path | None

    @property
    def is_for_people(self) -> bool:
        return self.format == "table"

    def client(self) -> Client:
        """Opens a client; the caller closes it."""
        return Client(
            self.endpoint,
            data_endpoint=self.data_endpoint,
            token=_token(self.token_file),
            data_dir=self.data_dir,
        )

    def show(self, shown: output.Shown, table: Callable[[], RenderableType]) -> None:
        """Prints in the format that was asked for."""
        output.show(shown, self.format, table)

    def say(self, line: str) -> None:
        """Prints a line of advice, for people only."""
        if self.is_for_people:
            output.stdout_console().print(line, soft_wrap=True)

    def waiting(self, what: str) -> AbstractContextManager[object]:
        """A spinner on stderr while something takes its time, if somebody looks."""
        console = output.stderr_console()
        return console.status(what) if console.is_terminal else nullcontext()


def common(function: Function) -> Function:
    """Adds the common options to a command and hands it a `Session` first."""

    @functools.wraps(function)
    def with_session(
        format: str,
        endpoint: str | None,
        data_endpoint: str | None,
        data_dir: Path | None,
        token_file: Path | None,
        **arguments: Any,
    ) -> Any:
        session = Session(
            format=format,
            endpoint=endpoint,
            data_endpoint=data_endpoint,
            data_dir=data_dir,
            token_file=token_file,
        )
        return function(session, **arguments)

    decorated: Any = with_session
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    wrapped: Function = decorated
    return wrapped


_OPTIONS = (
    click.option(
        "-o",
        "--output",
        "format",
        type=click.Choice(output.FORMATS),
        default="table",
        show_default=True,
        help="For people, or for programs.",
    ),
    click.option(
        "--endpoint",
        metavar="HOST:PORT",
        help="Where administration goes.  [env: ALGOLINK_ENDPOINT]",
    ),
    click.option(
        "--data-endpoint",
        metavar="HOST:PORT",
        help="Where predictions go.  [env: ALGOLINK_DATA_ENDPOINT]",
    ),
    click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        help="Data folder of `algolink up`.  [env: ALGOLINK_DATA_DIR]",
    ),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        help="Holds the API token.  [env: ALGOLINK_TOKEN, the token itself]",
    ),
)


def examples(*lines: str) -> str:
    """The end of a command's help."""
    heading = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(["\b", heading, *(f"  {line}" for line in lines)])


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    token = path.read_text(encoding="ascii", errors="replace").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidArgument("TOKEN_FILE_INVALID", f"{path} does not hold a token", path=path)
    return token
