"""A process known by more than its number, so that it can be found again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from algolink import files
from chassis import apart


@dataclass(frozen=True, slots=True)
class ProcessFile:
    """Which process runs, on disk.

    Attributes:
        pid: its number.
        start_ticks: when it was started, as the kernel counts; a number that was
            given to another process since has another.
        digest: SHA-256 of what it was started with.
    """

    pid: int
    start_ticks: int
    digest: str

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """What was saved last; None without it, or if it cannot be read."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Puts it on disk."""
        files.replace(path, json.dumps(asdict(self)).encode())


class Process:
    """A running process, started by this one or by one before it."""

    def __init__(
        self, pid: int, start_ticks: int, child: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.pid = pid
        self.start_ticks = start_ticks
        self._child = child

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        folder: Path,
        output: Path,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Starts `command` in a session of its own, so that it outlives this process.

        Args:
            folder: its working directory.
            output: file that its output is appended to.
            environment: all of it; None for that of this process.
        """
        with output.open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return cls(child.pid, _start_ticks(child.pid) or 0, child)

    @classmethod
    def start_apart(cls, command: Sequence[str], *, folder: Path, output: Path) -> Self:
        """`start` for a program that would end with the process that starts it.

        It is nobody's child, so its exit code stays unknown.
        """
        with output.open("ab") as log:
            told = subprocess.run(  # noqa: S603 - the command is ours
                (sys.executable, "-I", "-S", apart.__file__, *command),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                check=True,
            ).stdout
        pid = int(told)
        return cls(pid, _start_ticks(pid) or 0)

    @classmethod
    def find(cls, known: ProcessFile) -> Self | None:
        """The process that `known` tells of, if it still runs."""
        if _start_ticks(known.pid) != known.start_ticks:
            return None
        return cls(known.pid, known.start_ticks)

    @property
    def is_running(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return _start_ticks(self.pid) == self.start_ticks

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and for a process that this one did not start."""
        return self._child.poll() if self._child is not None else None

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless the process has ended."""
        if self.is_running:
            os.kill(self.pid, number)

    def end_companions(self) -> None:
        """Kills what the process, which has just ended, has left of its own session."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def _start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold anything.
    fields = stat.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    return None if state in "ZX" else int(start_ticks)
