"""The route table as it changes, for the asyncio client."""

from __future__ import annotations

from collections.abc import AsyncIterator

from algolink.client import tables
from algolink.client.aio_transport import AioTransport
from algolink.errors import DeadlineExceeded
from algolink.router.v1 import tables_pb2


class AsyncTables:
    """The route table as a whole; `AsyncClient.tables`."""

    def __init__(self, transport: AioTransport) -> None:
        self._transport = transport

    async def watch(self) -> AsyncIterator[tables_pb2.RouteTable]:
        """The table as it is, then whenever it changes; now and then one that was told before.

        Raises:
            Unavailable: when the router goes away. Watch again: what changed meanwhile
                is in the first table.
        """
        while True:
            try:
                async for told in self._transport.stream(tables.watch_table(), tables.WATCH_S):
                    yield told
            except DeadlineExceeded:
                continue
