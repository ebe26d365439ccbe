"""A registry in a process of its own."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

TOKEN = "benchmark"  # noqa: S105 - of a registry that lives as long as the measurement


@dataclass(frozen=True)
class Registry:
    """A registry that serves.

    Attributes:
        address: `host:port`.
        pid: of its process.
    """

    address: str
    pid: int

    @property
    def peak_mib(self) -> float:
        """Most memory that it ever held."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


@contextmanager
def running(folder: Path, database_url: str = "") -> Iterator[Registry]:
    """Runs until left.

    Args:
        folder: for all that it keeps.
        database_url: SQLite in `folder` if it is empty.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    tokens = folder / "tokens"
    tokens.write_text(f"benchmark admin {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ALGOLINK_")},
        "ALGOLINK_LISTEN": address,
        "ALGOLINK_TOKENS_FILE": str(tokens),
        "ALGOLINK_DATABASE_URL": database_url or f"sqlite+aiosqlite:///{folder}/registry.db",
        "ALGOLINK_ARTIFACT_DIR": str(folder / "artifacts"),
        "ALGOLINK_MAX_ARTIFACT_BYTES": str(64 * 1024**3),
        "ALGOLINK_LOG_LEVEL": "WARNING",
        "ALGOLINK_PARENT_PID": str(os.getpid()),
    }
    process = subprocess.Popen([sys.executable, "-m", "registry_svc"], env=environment)
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
        yield Registry(address, process.pid)
    finally:
        process.terminate()
        process.wait()
