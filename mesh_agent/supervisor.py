"""Keeps one Envoy running, and lets it outlive the agent that started it.

An Envoy with another bootstrap takes the sockets of the one before and lets it
drain: no connection is refused meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry import metrics

from algolink.errors import FailedPrecondition, Unavailable
from chassis.processes import Process, ProcessFile
from mesh import table
from mesh_agent import envoy_command
from mesh_agent.envoy_admin import EnvoyAdmin
from mesh_agent.runs import Run, Runs

_log = logging.getLogger(__name__)

_POLL_S = 0.1
_BACKOFF_S = 0.1
_BACKOFF_MAX_S = 5.0
_EXIT_S = 5.0
_ANSWER_S = 5.0
_QUIET_POLLS = 3


@dataclass(frozen=True, slots=True)
class Envoy:
    """A process and its run."""

    run: Run
    process: Process
    admin: EnvoyAdmin


class Supervisor:
    """One Envoy of one folder, and those that it takes the place of.

    Attributes:
        current: the one that takes requests; None before `begin` and after `stop`.
        restarts: how often Envoy was started because it had died.
    """

    def __init__(
        self,
        runs: Runs,
        *,
        bootstrap: bytes,
        listeners: tuple[table.Endpoint, ...],
        concurrency: int,
        drain_grace_s: float,
        ready_timeout_s: float,
    ) -> None:
        """Starts nothing yet.

        Args:
            bootstrap: what Envoy is told.
            listeners: what the bootstrap listens on.
            concurrency: worker threads; 0 means one per CPU.
            drain_grace_s: how long predictions may take to end.
            ready_timeout_s: how long a starting Envoy may take to be ready.
        """
        self._runs = runs
        self._bootstrap = bootstrap
        self._command = envoy_command.command(concurrency=concurrency, drain_grace_s=drain_grace_s)
        self._digest = envoy_command.digest(bootstrap, self._command)
        self._listeners = listeners
        self._drain_grace_s = drain_grace_s
        self._ready_timeout_s = ready_timeout_s
        self._hands_over = ""
        self._leaving: list[Envoy] = []
        self._restarted = metrics.get_meter(__name__).create_counter(
            "algolink.mesh.envoy.restarts", description="Times that Envoy had to be started again."
        )
        self.current: Envoy | None = None
        self.restarts = 0

    async def begin(self) -> None:
        """Adopts the Envoy that an agent before this one left, or starts one.

        One that was started with another bootstrap is replaced. Returns once
        Envoy takes requests.

        Raises:
            FailedPrecondition: ADDRESS_UNAVAILABLE, if a listener's port is taken.
            Unavailable: ENVOY_NOT_READY, with Envoy's last words, if it ends or
                takes too long. One that was to be replaced runs on.
        """
        self._hands_over = await envoy_command.hands_over()
        found = [
            Envoy(run, process, EnvoyAdmin(run.folder))
            for run in self._runs.all()
            if (process := run.process()) is not None
        ]
        last = found.pop() if found else None
        for envoy in found:
            self._leave(envoy)
        if last is None:
            for endpoint in self._listeners:
                _check_free(endpoint)
            await self._start(after=None)
            return
        known = ProcessFile.load(last.run.process_file)
        if known is not None and known.digest == self._digest and await _answers(last.admin):
            _log.info("envoy adopted", extra={"pid": last.process.pid})
            self.current = last
            return
        await self._replace(last)

    async def watch(self, on_live: Callable[[bool], None]) -> None:
        """Starts Envoy again whenever it dies, and tells whether it is live; never ends."""
        backoff_s = _BACKOFF_S
        while True:
            envoy = self.current
            if envoy is None or not envoy.process.is_running:
                on_live(False)
                why = _last_words(envoy.run) if envoy is not None else ""
                _log.error("envoy died", extra={"why": why})
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)
                envoy = self._launch(after=None)
                self.restarts += 1
                self._restarted.add(1)
            is_live = await envoy.admin.is_live()
            on_live(is_live)
            if is_live:
                backoff_s = _BACKOFF_S
            self._leaving = [each for each in self._leaving if each.process.is_running]
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """Drains all Envoys and ends them."""
        leaving, current, self.current = self._leaving, self.current, None
        if current is not None:
            await current.admin.drain()
            await self._wait_until_quiet(current)
            await self._end(current)
        for envoy in leaving:
            await self._end(envoy)

    async def _replace(self, old: Envoy) -> None:
        same_kind = self._hands_over == old.run.about.hands_over != ""
        if same_kind and old.run.base_id >= 0:
            _log.info("envoy has another bootstrap: hands over", extra={"pid": old.process.pid})
            await self._start(after=old)
            self._leave(old)
            return
        _log.info("envoy has another bootstrap: replaced", extra={"pid": old.process.pid})
        self.current = old
        await self.stop()
        await self._start(after=None)

    def _leave(self, envoy: Envoy) -> None:
        """Its successor has told it to drain, and to end after that."""
        envoy.run.tell_to_end()
        self._leaving.append(envoy)

    async def _start(self, *, after: Envoy | None) -> None:
        envoy = self._launch(after=after)
        try:
            async with asyncio.timeout(self._ready_timeout_s):
                while not await envoy.admin.is_live():
                    if not envoy.process.is_running:
                        break
                    await asyncio.sleep(_POLL_S / 2)
                else:
                    return
        except TimeoutError:
            pass
        await self._end(envoy)
        self.current = None
        raise Unavailable("ENVOY_NOT_READY", f"Envoy does not get ready: {_last_words(envoy.run)}")

    def _launch(self, *, after: Envoy | None) -> Envoy:
        run = self._runs.create(
            self._bootstrap,
            after=after.run if after is not None else None,
            hands_over=self._hands_over,
        )
        command = (*self._command, *envoy_command.handing_over(run))
        # With hot restart Envoy asks the kernel to be ended with the agent.
        process = Process.start_apart(command, folder=run.folder, output=run.output)
        ProcessFile(process.pid, process.start_ticks, self._digest).save(run.process_file)
        _log.info("envoy started", extra={"pid": process.pid, "run": run.about.id})
        self.current = Envoy(run, process, EnvoyAdmin(run.folder))
        return self.current

    async def _end(self, envoy: Envoy) -> None:
        if not envoy.process.is_running:
            return
        envoy.run.tell_to_end()
        envoy.process.send(signal.SIGTERM)
        if not await _wait_for_exit(envoy.process):
            _log.error("envoy does not end: killed", extra={"pid": envoy.process.pid})
            envoy.run.tell_to_end(False)
            envoy.process.send(signal.SIGKILL)
            await _wait_for_exit(envoy.process)

    async def _wait_until_quiet(self, envoy: Envoy) -> None:
        quiet = 0
        try:
            async with asyncio.timeout(self._drain_grace_s):
                while quiet < _QUIET_POLLS:
                    if not envoy.process.is_running:
                        return
                    quiet = 0 if await envoy.admin.active_requests() else quiet + 1
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            _log.warning("predictions cut off", extra={"grace_s": self._drain_grace_s})


async def _answers(admin: EnvoyAdmin) -> bool:
    """Whether Envoy's admin interface is there: one that was to hand over has closed it."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            while not await admin.is_live():  # noqa: ASYNC110 - another process
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return False
    return True


async def _wait_for_exit(process: Process) -> bool:
    try:
        async with asyncio.timeout(_EXIT_S):
            # An adopted process is nobody's child here, so nothing tells of its end.
            while process.is_running:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S / 10)
    except TimeoutError:
        return False
    return True


def _last_words(run: Run) -> str:
    try:
        lines = run.output.read_bytes()[-4_096:].decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "it said nothing"
    return lines[-1] if lines else "it said nothing"


def _check_free(endpoint: table.Endpoint) -> None:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As Envoy does: what connections of a former listener left does not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.host, endpoint.port))
            probe.listen(1)
        except OSError as error:
            raise FailedPrecondition(
                "ADDRESS_UNAVAILABLE",
                f"cannot listen on {endpoint}: {error.strerror}",
                address=endpoint,
            ) from error
