"""Keeps one Triton server running, and lets it outlive the agent that started it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tritonclient.grpc.aio as triton
from opentelemetry import metrics
from tritonclient.utils import InferenceServerException

from algolink import files
from algolink.errors import FailedPrecondition, Unavailable
from chassis.addresses import split_address
from chassis.processes import Process, ProcessFile
from chassis.watch import Notifier
from inference_svc.triton.installation import Installation

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.1
_PROBE_EVERY_S: Final = 1.0
_PROBE_TIMEOUT_S: Final = 5.0
_BACKOFF_S: Final = 0.1
_BACKOFF_MAX_S: Final = 10.0
_OWN_STOP_S: Final = 10.0
"""What Triton takes to end by itself once its last request has ended, at most."""

_RESTRICTED: Final = "model-repository,shared-memory,trace,logging"
_AGENT_HEADER: Final = "algolink-agent"

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - where the Python backend puts tensors
_CHANNEL: Final = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Where Triton listens, as `host:port` with a port.

    Attributes:
        metrics: empty for no metrics of Triton's own.
    """

    grpc: str
    http: str
    metrics: str = ""


class TritonServer:
    """One Triton in one folder.

    Attributes:
        changes: notified when it comes up, goes down, or is stopped.
        is_live: whether it answers.
        is_stopped: whether its agent has ended it, for good.
        client: of the server, over all its lives.
        credentials: headers of the calls that the agent alone may make: those that
            change what is loaded, or tell it.
        restarts: how often it was started because it had died.
    """

    def __init__(
        self,
        folder: Path,
        repository: Path,
        installation: Installation,
        listeners: Listeners,
        *,
        marks: str,
        exit_grace_s: float,
        hang_s: float = 30.0,
    ) -> None:
        """Starts nothing yet.

        Args:
            folder: for its log and pid file; absolute.
            repository: folder of its models; absolute.
            marks: what else it depends on: a server that was started with others is
                replaced, and not adopted.
            exit_grace_s: how long its last requests may take when it is ended.
            hang_s: after so long without an answer it is killed.
        """
        self.changes = Notifier()
        self.is_live = False
        self.is_stopped = False
        self.restarts = 0
        self.client: Any = triton.InferenceServerClient(listeners.grpc, channel_args=_CHANNEL)
        self._folder = folder
        self._installation = installation
        self._listeners = listeners
        self._exit_grace_s = exit_grace_s
        self._hang_s = hang_s
        # Unique, so that what one leaves behind can be told from what another uses.
        secret = _secret(folder / "triton.secret")
        self.credentials = {f"triton-grpc-protocol-{_AGENT_HEADER}": secret}
        self._prefix = f"algolink-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}-"
        self._command = self._command_line(repository, secret)
        self._digest = hashlib.sha256("\0".join((*self._command, marks)).encode()).hexdigest()
        self._process: Process | None = None
        self._process_file = folder / "triton.pid"
        self._output = folder / "triton.log"
        self._restarted = metrics.get_meter(__name__).create_counter(
            "algolink.triton.restarts", description="Times that Triton had to be started again."
        )

    @property
    def pid(self) -> int | None:
        """Number of its process, if there is one."""
        return self._process.pid if self._process is not None else None

    async def begin(self, timeout_s: float) -> None:
        """Adopts the server that an agent before this one left, or starts one; waits for it.

        Raises:
            FailedPrecondition: ADDRESS_UNAVAILABLE.
            Unavailable: TRITON_NOT_READY, with its last words.
        """
        known = ProcessFile.load(self._process_file)
        self._process = Process.find(known) if known is not None else None
        if self._process is not None and known is not None and known.digest == self._digest:
            _log.info("triton adopted", extra={"pid": known.pid})
        else:
            await self._end()
            self._clear_up()
            for address in (self._listeners.grpc, self._listeners.http):
                _check_free(address)
            self._start()
        try:
            async with asyncio.timeout(timeout_s):
                while not await self._answers():
                    if self._process is None or not self._process.is_running:
                        break
                    await asyncio.sleep(_POLL_S / 2)
                else:
                    self._tell(True)
                    return
        except TimeoutError:
            pass
        raise Unavailable("TRITON_NOT_READY", f"Triton does not get ready: {self._last_words()}")

    async def until_live(self) -> None:
        """Waits until it answers.

        Raises:
            Unavailable: TRITON_STOPPED, if it never will again.
        """
        while not self.is_live:
            seen = self.changes.count
            if self.is_stopped:
                raise Unavailable("TRITON_STOPPED", "Triton is stopped")
            await self.changes.wait_beyond(seen)

    async def watch(self, on_live: Callable[[bool], None]) -> None:
        """Starts it again whenever it dies, and tells whether it is live; never ends."""
        backoff_s, next_probe, answered = _BACKOFF_S, 0.0, time.monotonic()
        while True:
            now = time.monotonic()
            if self._process is None or not self._process.is_running:
                self._tell(False)
                on_live(False)
                code = self._process.exit_code if self._process is not None else None
                _log.error("triton died", extra={"exit_code": code, "why": self._last_words()})
                self._clear_up()
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)
                self._start()
                self.restarts += 1
                self._restarted.add(1)
                answered, next_probe = time.monotonic(), 0.0
            elif not self.is_live or now >= next_probe:
                next_probe = now + _PROBE_EVERY_S
                if await self._answers():
                    answered, backoff_s = time.monotonic(), _BACKOFF_S
                    self._tell(True)
                    on_live(True)
                elif time.monotonic() > answered + self._hang_s and self.is_live:
                    _log.error("triton does not answer: killed", extra={"pid": self._process.pid})
                    self._process.send(signal.SIGKILL)
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """Ends it; requests that run have the grace that it was made with."""
        self.is_stopped = True
        self._tell(False)
        await self._end()
        await self.client.close()

    async def _end(self) -> None:
        if self._process is None:
            return
        self._process.send(signal.SIGTERM)
        if not await self._wait_for_exit(self._exit_grace_s + _OWN_STOP_S):
            _log.error("triton does not end: killed", extra={"pid": self._process.pid})
            self._process.send(signal.SIGKILL)
            await self._wait_for_exit(_OWN_STOP_S)
        self._clear_up()
        self._process_file.unlink(missing_ok=True)
        self._process = None

    async def _wait_for_exit(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                # An adopted process is nobody's child here, so nothing tells of its end.
                while self._process is not None and self._process.is_running:  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S / 2)
        except TimeoutError:
            return False
        return True

    async def _answers(self) -> bool:
        """Whether it is live. It is so only once it has loaded what its repository holds."""
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                return bool(await self.client.is_server_live())
        except (InferenceServerException, TimeoutError):
            return False

    def _tell(self, is_live: bool) -> None:
        if is_live != self.is_live or self.is_stopped:
            self.is_live = is_live and not self.is_stopped
            self.changes.notify()

    def _clear_up(self) -> None:
        """Ends what the Python backend may have left: one that was just starting waits for ever."""
        if self._process is not None:
            self._process.end_companions()
        for left in _SHARED_MEMORY.glob(f"{self._prefix}*"):
            left.unlink(missing_ok=True)

    def _start(self) -> None:
        self._process = Process.start(
            self._command,
            folder=self._installation.folder,
            output=self._output,
            environment={**os.environ, **self._installation.environment},
        )
        ProcessFile(self._process.pid, self._process.start_ticks, self._digest).save(
            self._process_file
        )
        _log.info("triton started", extra={"pid": self._process.pid})

    def _command_line(self, repository: Path, secret: str) -> tuple[str, ...]:
        return (
            str(self._installation.program),
            *("--model-repository", str(repository)),
            *("--backend-directory", str(self._installation.backends)),
            "--model-control-mode=explicit",
            # After a crash it listens only when it has back what it had, so that nobody
            # is told that there is no such model.
            "--load-model=*",
            "--exit-on-error=false",
            *_listening("grpc", self._listeners.grpc),
            *_listening("http", self._listeners.http),
            *_listening("metrics", self._listeners.metrics),
            f"--exit-timeout-secs={int(self._exit_grace_s)}",
            # Whoever else reaches its ports must not unload what the router routes to.
            f"--grpc-restricted-protocol={_RESTRICTED}:{_AGENT_HEADER}={secret}",
            f"--http-restricted-api={_RESTRICTED}:{_AGENT_HEADER}={secret}",
            # A proxy asks idle connections whether they still live, and often.
            "--grpc-http2-max-ping-strikes=0",
            f"--backend-config=python,shm-region-prefix-name={self._prefix}",
            "--log-format=ISO8601",
        )

    def _last_words(self) -> str:
        try:
            lines = self._output.read_bytes()[-4_096:].decode(errors="replace").splitlines()
        except FileNotFoundError:
            return "it said nothing"
        return lines[-1] if lines else "it said nothing"


def _secret(path: Path) -> str:
    """What the agents of one folder share with their Triton, and nobody else."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        made = secrets.token_urlsafe(32)
        files.replace(path, made.encode())
        return made


def _listening(what: str, address: str) -> tuple[str, ...]:
    if not address:
        return (f"--allow-{what}=false",)
    host, port = split_address(address)
    return (f"--{what}-address={host}", f"--{what}-port={port}")


def _check_free(address: str) -> None:
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise FailedPrecondition(
                "ADDRESS_UNAVAILABLE",
                f"cannot listen on {address} for Triton: {error.strerror}",
                address=address,
            ) from error
