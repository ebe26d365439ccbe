"""What a client without a proxy does beside its predictions, the same for both clients."""

from __future__ import annotations

import os
from pathlib import Path

from algolink.client import channels
from algolink.client.connection import Connection, default_data_dir
from algolink.client.sync_transport import SyncTransport
from algolink.errors import FailedPrecondition
from algolink.proxyless import bootstrap
from algolink.proxyless.routes import Routes
from algolink.proxyless.shipping import Shipping
from algolink.proxyless.spool import Folder, Spool

SPOOL_DIR_ENV = "ALGOLINK_SPOOL_DIR"
MAX_SPOOL_BYTES = 256 * 1024 * 1024


class Background:
    """Follows the routes and ships the exposures, in threads of its own.

    Attributes:
        routes: as the router last said them.
        spool: where exposures go.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        spool_dir: str | os.PathLike[str] | None,
        max_spool_bytes: int,
    ) -> None:
        """Begins.

        Raises:
            FailedPrecondition: SPOOL_NOT_WRITABLE or BOOTSTRAP_DIFFERS.
        """
        node = bootstrap.a_node()
        chosen = spool_dir or os.environ.get(SPOOL_DIR_ENV)
        root = Path(chosen) if chosen else default_data_dir(os.environ) / "spool"
        self._folder = Folder.claim(root)
        try:
            bootstrap.install(connection, node, self._folder.path)
        except FailedPrecondition:
            self._folder.close()
            raise
        self.spool = Spool(self._folder, max_bytes=max_spool_bytes)
        self._transport = SyncTransport(connection)
        self._shipping = Shipping(
            self._transport, root, self._folder, self.spool, node=f"proxyless/{node}"
        )
        self.routes = Routes(connection)
        self._shipping.start()
        self.routes.start()

    def close(self, timeout_s: float) -> None:
        """Ends; ships for at most `timeout_s` seconds, and leaves the rest on disk."""
        self.routes.close()
        self._shipping.close(timeout_s)
        self.spool.close()
        self._folder.close()
        self._transport.close()


def target(model: str) -> str:
    """What a channel for `model` is opened to."""
    return f"xds:///{model}"


def options(model: str) -> list[tuple[str, int]]:
    """Arguments of that channel."""
    return channels.options(target(model))
