"""Which ports the stack listens on; internal ones are kept from run to run."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from algolink.errors import FailedPrecondition

LOOPBACK = "127.0.0.1"


def require_free(port: int, option: str) -> None:
    """Checks that nobody listens on `port`.

    Raises:
        FailedPrecondition: PORT_IN_USE or PORT_NOT_ALLOWED.
    """
    try:
        with _bound(port):
            return
    except PermissionError as error:
        raise FailedPrecondition(
            "PORT_NOT_ALLOWED",
            f"port {port} may not be opened: choose another with {option}",
            port=port,
        ) from error
    except OSError as error:
        raise FailedPrecondition(
            "PORT_IN_USE",
            f"port {port} is in use: choose another with {option} (0 picks a free one)",
            port=port,
        ) from error


def allot(names: Iterable[str], remembered: Mapping[str, int]) -> dict[str, int]:
    """A free port for each name, the remembered one where it still is free.

    Keeping them matters: the route table of the last run names the replicas'
    ports, and is served until they have announced themselves again.
    """
    chosen: dict[str, int] = {}
    # All are held until all are chosen, so that none is chosen twice.
    with contextlib.ExitStack() as held:
        for name in names:
            port = remembered.get(name, 0)
            try:
                chosen[name] = held.enter_context(_bound(port))
            except OSError:
                chosen[name] = held.enter_context(_bound(0))
    return chosen


def recall(path: Path) -> dict[str, int]:
    """Ports that `remember` wrote; none if the file is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {
        str(name): port
        for name, port in value.items()
        if isinstance(port, int) and 0 < port < 65536
    }


def remember(path: Path, ports: Mapping[str, int]) -> None:
    """Writes ports down for the next run."""
    path.write_text(json.dumps(dict(ports), indent=2) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _bound(port: int) -> Iterator[int]:
    """Holds a port without listening on it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
        # Connections of the last run that linger in TIME_WAIT do not matter.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((LOOPBACK, port))
        number: int = holder.getsockname()[1]
        yield number
