"""AlgoLink on this machine, for as long as the demo needs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_POLL_S = 0.05
_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0


class StackError(Exception):
    """The stack did not start, or did not end, as it should."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running `algolink up`.

    Attributes:
        pid: of `algolink up`, which ends the services when it ends.
        data_dir: where everything is kept.
        admin_endpoint: `host:port` for the client and the command line.
        data_endpoint: `host:port` for predictions.
        token: of the administrator.
    """

    pid: int
    data_dir: Path
    admin_endpoint: str
    data_endpoint: str
    token: str


@asynccontextmanager
async def running_stack(data_dir: Path, *, replicas: int, keep: bool) -> AsyncIterator[Stack]:
    """Starts `algolink up` on free ports; drains and ends it on exit, unless `keep`.

    Raises:
        StackError: if it does not become ready, or does not end with status 0.
    """
    command = [sys.executable, "-m", "cli.main", "up", "-o", "json"]
    ports = ["--port", "0", "--admin-port", "0"]
    options = ["--data-dir", str(data_dir), "--replicas", str(replicas)]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            *ports,
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for the demo, which then ends the stack in order
        )
        finished = False
        try:
            await _ready(process, output, errors)
            yield _connected(process.pid, data_dir)
            finished = True
        finally:
            if not (keep and finished):
                await _end(process, errors)


async def _ready(process: asyncio.subprocess.Process, output: IO[bytes], errors: IO[bytes]) -> None:
    """Waits until the stack has printed its endpoints."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_TIMEOUT_S
    while not _is_json(_text(output)):
        if process.returncode is not None:
            raise StackError(f"algolink up ended with {process.returncode}: {_last_line(errors)}")
        if loop.time() > deadline:
            raise StackError(f"algolink up is not ready after {_READY_TIMEOUT_S:.0f} s")
        await asyncio.sleep(_POLL_S)


def _connected(pid: int, data_dir: Path) -> Stack:
    written = json.loads((data_dir / "connection.json").read_text())
    return Stack(
        pid, data_dir, written["admin_endpoint"], written["data_endpoint"], written["token"]
    )


async def _end(process: asyncio.subprocess.Process, errors: IO[bytes]) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    try:
        status = await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise StackError(f"algolink up did not end within {_STOP_TIMEOUT_S:.0f} s") from None
    if status != 0:
        raise StackError(f"algolink up ended with {status}: {_last_line(errors)}")


def _text(file: IO[bytes]) -> str:
    """All that was written so far, without moving the writer's position."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


def _last_line(file: IO[bytes]) -> str:
    lines = _text(file).strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
