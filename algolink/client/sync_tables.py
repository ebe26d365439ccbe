"""The route table as it changes, for the blocking client."""

from __future__ import annotations

from collections.abc import Iterator

from algolink.client import tables
from algolink.client.sync_transport import SyncTransport
from algolink.errors import DeadlineExceeded
from algolink.router.v1 import tables_pb2


class Tables:
    """The route table as a whole; `Client.tables`."""

    def __init__(self, transport: SyncTransport) -> None:
        self._transport = transport

    def watch(self) -> Iterator[tables_pb2.RouteTable]:
        """The table as it is, then whenever it changes; now and then one that was told before.

        Raises:
            Unavailable: when the router goes away. Watch again: what changed meanwhile
                is in the first table.
        """
        while True:
            try:
                yield from self._transport.stream(tables.watch_table(), tables.WATCH_S)
            except DeadlineExceeded:
                continue
