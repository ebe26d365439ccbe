"""A real S3 API in a process of its own."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KEYS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "open-sesame",
    "AWS_REGION": "eu-central-1",
}
"""What whoever uses the server has to have in its environment."""


_SERVE = "from moto.server import main; main()"


@dataclass(frozen=True)
class ObjectServer:
    """moto's server.

    Attributes:
        endpoint: `http://host:port`.
        process: its own.
    """

    endpoint: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Ends it; only one of one's own."""
        self.process.terminate()
        self.process.wait()

    def bucket(self) -> str:
        """URL of a new bucket of one's own."""
        name = f"artifacts-{uuid.uuid4().hex[:12]}"
        connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=30)
        connection.request("PUT", f"/{name}")
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        connection.close()
        return f"s3://{name}/registry"


@contextmanager
def object_server(log: Path) -> Iterator[ObjectServer]:
    """Runs until left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, "-H", "127.0.0.1", "-p", str(port)],
            env={**os.environ, **KEYS},
            stdout=output,
            stderr=output,
        )
    try:
        _until_listening(process, port)
        yield ObjectServer(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait()


def _until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "the object server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)  # between two looks
        else:
            return
    raise AssertionError("the object server does not listen")
