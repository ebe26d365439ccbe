"""The data folder: what lies where, and who may use it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from algolink.client.connection import CONNECTION_FILE
from algolink.errors import FailedPrecondition


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Everything that one stack keeps, below `root` (absolute)."""

    root: Path

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def connection_file(self) -> Path:
        return self.root / CONNECTION_FILE

    @property
    def ports_file(self) -> Path:
        return self.root / "ports.json"

    @property
    def children_file(self) -> Path:
        return self.root / "children.json"

    @property
    def auth(self) -> Path:
        return self.root / "auth"

    @property
    def mesh(self) -> Path:
        return self.root / "mesh"

    @property
    def artifacts(self) -> Path:
        return self.root / "registry" / "artifacts"

    def database_url(self, service: str) -> str:
        """URL of a service's SQLite database."""
        return f"sqlite+aiosqlite:///{self.root / service / service}.db"

    def inference(self, replica: str) -> Path:
        return self.root / "inference" / replica

    def log_file(self, child: str) -> Path:
        return self.root / "logs" / f"{child}.log"

    def create(self) -> None:
        """Makes the folders; only their owner may look inside.

        Raises:
            FailedPrecondition: DATA_FOLDER_NOT_WRITABLE.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in ("auth", "registry/artifacts", "experiment", "router", "mesh", "logs"):
                (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.root / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise FailedPrecondition(
                "DATA_FOLDER_NOT_WRITABLE",
                f"data folder {self.root} cannot be written: {error.strerror}",
                path=self.root,
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder for this process; the lock ends with the process.

        Raises:
            FailedPrecondition: DATA_FOLDER_IN_USE, with the holder's pid.
        """
        with self.lock_file.open("a+", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                pid = lock.read().strip() or "unknown"
                raise FailedPrecondition(
                    "DATA_FOLDER_IN_USE",
                    f"`algolink up` (pid {pid}) already runs on {self.root}: "
                    "use it, stop it, or choose another folder with --data-dir",
                    path=self.root,
                    pid=pid,
                ) from error
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def write_connection(self, *, admin_endpoint: str, data_endpoint: str, token: str) -> None:
        """Tells clients on this machine how to connect; whole or not at all."""
        write_private(
            self.connection_file,
            json.dumps(
                {
                    "admin_endpoint": admin_endpoint,
                    "data_endpoint": data_endpoint,
                    "token": token,
                },
                indent=2,
            )
            + "\n",
        )

    def remove_connection(self) -> None:
        self.connection_file.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replaces a file that only its owner may read; readers see the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
