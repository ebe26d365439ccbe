"""What an Envoy says that it runs."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from algolink.errors import InvalidArgument, Unavailable

_PATH = "/config_dump?include_eds"
_TIMEOUT_S = 30.0


class _OverSocket(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(str(self._path))


def config_dump(source: str) -> Any:
    """JSON values of an Envoy's configuration.

    Args:
        source: HOST:PORT or Unix socket of its admin interface, or a file with the
            answer of its `/config_dump?include_eds`.

    Raises:
        InvalidArgument: CONFIG_DUMP_UNREADABLE.
        Unavailable: ENVOY_UNREACHABLE.
    """
    path = Path(source)
    if path.is_file():
        return _parsed(path.read_text(encoding="utf-8"), source)
    connection = (
        _OverSocket(path)
        if path.is_socket()
        else http.client.HTTPConnection(source, timeout=_TIMEOUT_S)
    )
    try:
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(
            "ENVOY_UNREACHABLE",
            f"no Envoy answers at {source}: give HOST:PORT or the socket of its admin interface, "
            f"or a file with its answer to {_PATH} ({error})",
            source=source,
        ) from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise Unavailable(
            "ENVOY_UNREACHABLE",
            f"{source} answers {answer.status} to {_PATH}: is it Envoy's admin interface?",
            source=source,
        )
    return _parsed(body, source)


def _parsed(text: str, source: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidArgument(
            "CONFIG_DUMP_UNREADABLE", f"{source} is no answer to {_PATH}: {error}", source=source
        ) from error
