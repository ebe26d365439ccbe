"""The life of a stack on this machine, from the data folder to the last child's end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algolink.errors import DeadlineExceeded
from cli.up import children, health, leftovers, ports, report, tokens
from cli.up.layout import DataFolder
from cli.up.ports import LOOPBACK
from cli.up.supervisor import Note, Supervisor

START_TIMEOUT_S = 60.0
LEFTOVER_GRACE_S = 15.0

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NOHUP = (signal.SIGHUP, signal.SIG_IGN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the caller chose.

    Attributes:
        replicas: number of inference replicas.
        data_port: 0 picks a free one.
        admin_port: 0 picks a free one.
        triton: environment with a Triton server for each replica; None for none.
    """

    replicas: int
    data_port: int
    admin_port: int
    triton: Path | None = None


async def run(
    folder: DataFolder,
    options: Options,
    *,
    began: float,
    on_ready: Callable[[report.Ready], None],
    note: Note,
) -> None:
    """Runs a stack until this process is told to stop.

    Args:
        folder: made if it is missing, and held while the stack runs.
        options: what the caller chose.
        began: `time.monotonic()` of the command.
        on_ready: called once, when everything serves.
        note: told what happens.

    Raises:
        FailedPrecondition: DATA_FOLDER_NOT_WRITABLE, DATA_FOLDER_IN_USE,
            PORT_IN_USE or PORT_NOT_ALLOWED.
        ChildFailed: CHILD_FAILED.
        DeadlineExceeded: START_TIMEOUT.
    """
    folder.create()
    with folder.locked(), _stop_requests() as stop:
        folder.remove_connection()
        ended = await asyncio.to_thread(leftovers.end, folder.root, grace_s=LEFTOVER_GRACE_S)
        if ended:
            note(f"an earlier run left processes behind: ended {ended}")
        keys = tokens.ensure(folder.auth)
        chosen = _ports(folder, options)
        data_endpoint = f"{LOOPBACK}:{chosen['data']}"
        admin_endpoint = f"{LOOPBACK}:{chosen['admin']}"
        supervisor = Supervisor(
            children.specs(
                folder,
                keys,
                chosen,
                replicas=options.replicas,
                data_port=chosen["data"],
                admin_port=chosen["admin"],
                parent_pid=os.getpid(),
                triton=options.triton,
            ),
            environment={**os.environ, leftovers.MARK: str(folder.root)},
            note=note,
        )
        try:
            if not await _first(stop.wait(), _start(supervisor, chosen)):
                return
            folder.write_connection(
                admin_endpoint=admin_endpoint,
                data_endpoint=data_endpoint,
                token=keys.admin_token(),
            )
            on_ready(
                report.ready(
                    supervisor.children,
                    folder,
                    chosen,
                    data_endpoint=data_endpoint,
                    admin_endpoint=admin_endpoint,
                    pid=os.getpid(),
                    ready_s=time.monotonic() - began,
                )
            )
            await _first(stop.wait(), supervisor.failed())
            note("draining")
        finally:
            folder.remove_connection()
            await _stop(supervisor, stop, note)
            # An Envoy whose agent died just before has nobody else to stop it.
            await asyncio.to_thread(leftovers.end, folder.root, grace_s=LEFTOVER_GRACE_S)


async def _start(supervisor: Supervisor, chosen: dict[str, int]) -> None:
    began = time.monotonic()
    await supervisor.start(START_TIMEOUT_S)
    try:
        async with asyncio.timeout(START_TIMEOUT_S - (time.monotonic() - began)):
            await asyncio.gather(
                *(health.listening(LOOPBACK, chosen[name]) for name in ("data", "admin"))
            )
    except TimeoutError as error:
        raise DeadlineExceeded(
            "START_TIMEOUT", f"Envoy does not listen after {START_TIMEOUT_S:g} s"
        ) from error


async def _stop(supervisor: Supervisor, stop: asyncio.Event, note: Note) -> None:
    """Stops in order; a second signal ends everything at once."""
    stop.clear()
    stopping = asyncio.create_task(supervisor.stop())
    hurry = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, hurry}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        note("asked again: ending everything at once")
        supervisor.kill()
    hurry.cancel()
    await stopping


def _ports(folder: DataFolder, options: Options) -> dict[str, int]:
    fixed = {"data": options.data_port, "admin": options.admin_port}
    for name, option in (("data", "--port"), ("admin", "--admin-port")):
        if fixed[name]:
            ports.require_free(fixed[name], option)
    picked = [name for name, port in fixed.items() if not port]
    wanted = [*children.internal_ports(options.replicas), *picked]
    remembered = ports.recall(folder.ports_file)
    chosen = ports.allot(wanted, remembered)
    ports.remember(folder.ports_file, remembered | chosen)
    return fixed | chosen


async def _first(stop: Awaitable[Any], work: Awaitable[Any]) -> bool:
    """Waits for either; True if `work` is done, and its error if it failed."""
    stopping, working = asyncio.ensure_future(stop), asyncio.ensure_future(work)
    try:
        await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        for task in (stopping, working):
            task.cancel()
        await asyncio.gather(stopping, working, return_exceptions=True)


@contextlib.contextmanager
def _stop_requests() -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # `nohup` means that the end of the terminal shall not matter.
    heeded = [n for n in _STOP_SIGNALS if (n, signal.getsignal(n)) != _NOHUP]
    for number in heeded:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
