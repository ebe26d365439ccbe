"""What gRPC's xDS client has to know before its first channel."""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from algolink import files, names
from algolink.client.connection import Connection
from algolink.errors import FailedPrecondition

CONTENT_ENV = "GRPC_XDS_BOOTSTRAP_CONFIG"
FILE_ENV = "GRPC_XDS_BOOTSTRAP"
FILE_NAME = "bootstrap.json"

_PROCESS_KEY = "algolink.process"
"""In the metadata: pid of the process that it was made for, and no child of its."""


def a_node() -> str:
    """An id that no other process has."""
    host = socket.gethostname()[:40].replace("#", "-")
    return f"{host}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def content(connection: Connection, node: str) -> str:
    """A bootstrap, as gRPC reads it: it holds the token."""
    return json.dumps(
        {
            "xds_servers": [
                {
                    "server_uri": f"dns:///{connection.admin_endpoint}",
                    "channel_creds": [{"type": "insecure"}],
                    "server_features": ["xds_v3"],
                }
            ],
            "node": {
                "id": node,
                "cluster": "algolink",
                "metadata": {
                    names.XDS_TOKEN_KEY: connection.token or "",
                    _PROCESS_KEY: str(os.getpid()),
                },
            },
        }
    )


def install(
    connection: Connection,
    node: str,
    folder: Path,
    environment: MutableMapping[str, str] = os.environ,
) -> None:
    """Tells gRPC where the router is, unless the process was told already.

    gRPC learns it from the environment, once for all channels of the process. A
    file holds it, for other processes inherit the environment, and it has the token.

    Args:
        folder: for the file.

    Raises:
        FailedPrecondition: BOOTSTRAP_DIFFERS, if an earlier client of this process
            was told of another router.
    """
    if environment.get(CONTENT_ENV):
        return
    wanted = content(connection, node)
    present = environment.get(FILE_ENV)
    if present:
        told = _read(Path(present))
        metadata = told.get("node", {}).get("metadata", {})
        if _PROCESS_KEY not in metadata:
            return
        if metadata[_PROCESS_KEY] == str(os.getpid()):
            _check_same(told, json.loads(wanted))
            return
    file = folder / FILE_NAME
    files.replace(file, wanted.encode())
    environment[FILE_ENV] = str(file)


def _check_same(told: dict[str, Any], wanted: dict[str, Any]) -> None:
    here, there = (each["xds_servers"][0]["server_uri"] for each in (wanted, told))
    if here != there:
        raise FailedPrecondition(
            "BOOTSTRAP_DIFFERS",
            f"this process follows the router at {there} already: all proxyless clients of a "
            "process have one router",
            endpoint=here,
        )


def _read(path: Path) -> dict[str, Any]:
    """A bootstrap; an empty one if it cannot be read, which is for gRPC to say."""
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told
