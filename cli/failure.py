"""What went wrong, as one line on stderr and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from algolink.errors import AlgoLinkError

FAILED = 1
MISUSED = 2
INTERRUPTED = 130

_HINTS = {
    "UNAUTHENTICATED": "give --token-file, or set ALGOLINK_TOKEN or --data-dir",
}


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Runs `command` and returns its exit status; never raises, never a traceback.

    Errors of our own, of the caller and of the operating system are told in a
    line. What is none of them is a mistake of ours and says so.
    """
    try:
        result = command.main(
            args=None if arguments is None else list(arguments),
            prog_name="algolink",
            standalone_mode=False,
        )
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.UsageError as error:
        _tell_usage(error)
        return MISUSED
    except click.ClickException as error:
        tell(error.format_message())
        return error.exit_code
    except AlgoLinkError as error:
        tell(described(error))
        return FAILED
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; the flush at exit must not complain.
        sys.stdout = None
        return FAILED
    except OSError as error:
        tell(_os_error(error))
        return FAILED
    return result if isinstance(result, int) else 0


def described(error: AlgoLinkError) -> str:
    """The message, what to do where that is known, and the reason."""
    hint = _HINTS.get(error.code)
    message = f"{error.message}: {hint}" if hint else error.message
    return f"{message} [{error.reason}]"


def tell(message: str) -> None:
    """Prints one line on stderr."""
    click.echo(f"error: {' '.join(message.split())}", err=True)


def _tell_usage(error: click.UsageError) -> None:
    where = error.ctx.command_path if error.ctx is not None else "algolink"
    tell(f"{error.format_message()} (see `{where} --help`) [USAGE]")


def _os_error(error: OSError) -> str:
    reason = _OS_REASONS.get(type(error), "OS_ERROR")
    what = f"{error.filename}: " if error.filename else ""
    return f"{what}{error.strerror or error} [{reason}]"


_OS_REASONS: dict[type[OSError], str] = {
    FileNotFoundError: "FILE_NOT_FOUND",
    PermissionError: "FILE_NOT_PERMITTED",
    IsADirectoryError: "FILE_IS_A_FOLDER",
}
