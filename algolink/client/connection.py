"""Where the services are and what proves who asks: arguments, environment, file, defaults."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algolink.errors import FailedPrecondition, InvalidArgument
from algolink.names import shown

DEFAULT_ADMIN_ENDPOINT = "127.0.0.1:9001"
DEFAULT_DATA_ENDPOINT = "127.0.0.1:9000"

ENDPOINT_ENV = "ALGOLINK_ENDPOINT"
DATA_ENDPOINT_ENV = "ALGOLINK_DATA_ENDPOINT"
TOKEN_ENV = "ALGOLINK_TOKEN"  # noqa: S105 - the variable's name, not a token
DATA_DIR_ENV = "ALGOLINK_DATA_DIR"

CONNECTION_FILE = "connection.json"
"""In the data folder while `algolink up` runs: endpoints and the admin's token."""

_LOOPBACK = ("127.", "localhost:", "[::1]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What a client connects to.

    Attributes:
        admin_endpoint: `host:port` of Envoy's admin listener.
        data_endpoint: `host:port` of Envoy's data listener.
        token: proves who asks, on the admin endpoint only; None sends none.
    """

    admin_endpoint: str = DEFAULT_ADMIN_ENDPOINT
    data_endpoint: str = DEFAULT_DATA_ENDPOINT
    token: str | None = None

    def __repr__(self) -> str:
        return f"Connection(admin={self.admin_endpoint!r}, data={self.data_endpoint!r})"


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """`$ALGOLINK_DATA_DIR`, else `$XDG_DATA_HOME/algolink`, else `~/.local/share/algolink`."""
    if chosen := environment.get(DATA_DIR_ENV):
        return Path(chosen).expanduser()
    if data_home := environment.get("XDG_DATA_HOME"):
        return Path(data_home) / "algolink"
    return Path("~/.local/share/algolink").expanduser()


def resolve(
    endpoint: str | None = None,
    *,
    data_endpoint: str | None = None,
    token: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Connection:
    """Finds out what to connect to.

    Each value is the first of: the argument, its environment variable, what
    `algolink up` wrote into the data folder, the default. The token of the data
    folder only ever goes to the endpoint it was written for, or to this machine.

    Raises:
        InvalidArgument: ENDPOINT_INVALID, if an endpoint is not `host:port`.
        FailedPrecondition: CONNECTION_FILE_INVALID, if the file is damaged.
    """
    environment = os.environ if environment is None else environment
    folder = Path(data_dir).expanduser() if data_dir else default_data_dir(environment)
    written = _read(folder / CONNECTION_FILE)
    admin = (
        endpoint
        or environment.get(ENDPOINT_ENV)
        or written.get("admin_endpoint")
        or DEFAULT_ADMIN_ENDPOINT
    )
    data = (
        data_endpoint
        or environment.get(DATA_ENDPOINT_ENV)
        or written.get("data_endpoint")
        or DEFAULT_DATA_ENDPOINT
    )
    at_home = admin == written.get("admin_endpoint") or is_loopback(admin)
    found = token or environment.get(TOKEN_ENV) or (written.get("token") if at_home else None)
    return Connection(
        admin_endpoint=_checked(admin), data_endpoint=_checked(data), token=found or None
    )


def is_loopback(endpoint: str) -> bool:
    """Whether `endpoint` is on this machine.

    >>> is_loopback("127.0.0.1:9001"), is_loopback("gateway.example:9001")
    (True, False)
    """
    return endpoint.startswith(_LOOPBACK)


def _checked(endpoint: str) -> str:
    host, _, port = endpoint.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidArgument(
            "ENDPOINT_INVALID",
            f"{shown(endpoint)} is not an endpoint: use host:port, 127.0.0.1:9001 for example",
            endpoint=shown(endpoint),
        )
    return endpoint


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise FailedPrecondition(
            "CONNECTION_FILE_INVALID", f"{path} cannot be read: {error.strerror}", path=path
        ) from error
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise _damaged(path)
    return value


def _damaged(path: Path) -> FailedPrecondition:
    return FailedPrecondition(
        "CONNECTION_FILE_INVALID",
        f"{path} is damaged: restart `algolink up`, which writes it anew",
        path=path,
    )
