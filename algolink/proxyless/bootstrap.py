"""What gRPC's xDS client has to know before its first channel."""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import MutableMapping

from algolink import names
from algolink.client.connection import Connection
from algolink.errors import FailedPrecondition

CONTENT_ENV = "GRPC_XDS_BOOTSTRAP_CONFIG"
FILE_ENV = "GRPC_XDS_BOOTSTRAP"


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
                "metadata": {names.XDS_TOKEN_KEY: connection.token or ""},
            },
        }
    )


def install(
    connection: Connection, node: str, environment: MutableMapping[str, str] = os.environ
) -> None:
    """Tells gRPC where the router is, unless the process was told already.

    gRPC reads it from the environment, once for all channels of the process.

    Raises:
        FailedPrecondition: BOOTSTRAP_DIFFERS, if an earlier client of this process
            was told of another router.
    """
    if environment.get(FILE_ENV):
        return
    present = environment.get(CONTENT_ENV)
    if not present:
        environment[CONTENT_ENV] = content(connection, node)
        return
    told = json.loads(present)
    if told.get("node", {}).get("cluster") != "algolink":
        return
    wanted = json.loads(content(connection, node))
    if told["xds_servers"] != wanted["xds_servers"]:
        raise FailedPrecondition(
            "BOOTSTRAP_DIFFERS",
            f"this process follows the router at {told['xds_servers'][0]['server_uri']} already: "
            f"all proxyless clients of a process have one router",
            endpoint=connection.admin_endpoint,
        )
