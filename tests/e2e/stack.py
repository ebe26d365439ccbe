"""A real `algolink up` on free ports, as tests drive it: start, kill, watch, stop."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algolink.client import AsyncClient

_POLL_S = 0.05
_TIMEOUT_S = 60.0


class Up:
    """One run of `algolink up -o json`.

    Args:
        logs: folder for what it prints.
        arguments: beyond `up -o json`.
        environment: beyond this process's own.
    """

    def __init__(
        self, logs: Path, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._output, self._errors = logs / "up.out", logs / "up.err"
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "up", "-o", "json", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    @property
    def notes(self) -> str:
        """What it said on stderr so far."""
        return self._errors.read_text()

    @property
    def output(self) -> str:
        """What it printed on stdout so far."""
        return self._output.read_text()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def ready(self) -> Stack:
        """Waits until it serves.

        Raises:
            AssertionError: if it ends instead, or takes too long.
        """
        deadline = time.monotonic() + _TIMEOUT_S
        while not self.output.endswith("\n"):
            assert self.running, f"algolink up ended with {self._process.returncode}: {self.notes}"
            assert time.monotonic() < deadline, f"algolink up is not ready: {self.notes}"
            time.sleep(_POLL_S)
        return Stack(self, json.loads(self.output))

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit status once everything has ended."""
        if self.running:
            self._process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Waits for its end and returns the exit status."""
        try:
            return self._process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that serves, and what it told about itself."""

    up: Up
    told: dict[str, Any]

    @property
    def data_dir(self) -> Path:
        """Where it keeps everything."""
        return Path(self.told["data_dir"])

    @property
    def admin_endpoint(self) -> str:
        """`host:port` of administration."""
        return str(self.told["admin_endpoint"])

    @property
    def data_endpoint(self) -> str:
        """`host:port` of predictions."""
        return str(self.told["data_endpoint"])

    @property
    def token(self) -> str:
        """The administrator's."""
        return str(json.loads((self.data_dir / "connection.json").read_text())["token"])

    def client(self) -> AsyncClient:
        """A client of this stack, whatever the environment says."""
        return AsyncClient(self.admin_endpoint, data_endpoint=self.data_endpoint, token=self.token)

    def pid(self, child: str) -> int:
        """Pid of a child now, by what `up` said last about it."""
        restarted = re.findall(
            rf"^{child} serves again \(pid (\d+)\)$", self.up.notes, re.MULTILINE
        )
        return int(restarted[-1]) if restarted else int(self.told["children"][child])

    def envoy_pid(self) -> int:
        """Pid of this stack's Envoy."""
        found = [
            int(entry.name)
            for entry in Path("/proc").glob("[0-9]*")
            if _runs_envoy(entry, self.data_dir)
        ]
        assert len(found) == 1, f"{len(found)} Envoys run on {self.data_dir}"
        return found[0]

    async def kill(self, child: str) -> None:
        """Kills a child with SIGKILL and waits until its successor serves."""
        killed = self.pid(child)
        os.kill(killed, signal.SIGKILL)
        await until(lambda: self.pid(child) != killed, f"{child} serves again")


async def until(condition: Callable[[], bool], what: str, timeout_s: float = _TIMEOUT_S) -> None:
    """Waits for `condition`, and says what was waited for if it does not come about."""

    async def asked() -> bool:
        return condition()

    await until_async(asked, what, timeout_s)


async def until_async(
    condition: Callable[[], Awaitable[bool]], what: str, timeout_s: float = _TIMEOUT_S
) -> None:
    """`until` for a condition that has to be awaited."""
    deadline = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s until {what}"
        await asyncio.sleep(_POLL_S)


def _runs_envoy(entry: Path, data_dir: Path) -> bool:
    try:
        program = os.readlink(entry / "exe")
        folder = os.readlink(entry / "cwd")
    except OSError:
        return False  # it has just ended, or is somebody else's
    return Path(program).name.startswith("envoy") and Path(folder).is_relative_to(data_dir / "mesh")
