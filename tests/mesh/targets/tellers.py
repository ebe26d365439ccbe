"""A router, as far as `algolink mesh sync` sees one, that tells what a test says."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc

from algolink.router.v1 import tables_pb2, tables_pb2_grpc
from mesh import table

_WAIT_S = 0.05


class Teller(tables_pb2_grpc.TableServiceServicer):
    """Tells one table after another to whoever watches."""

    def __init__(self, snapshot: table.Snapshot) -> None:
        self._told = self._message(snapshot, settling=False)
        self._changed = threading.Condition()
        self._stopping = False

    def tell(self, snapshot: table.Snapshot, *, settling: bool = False) -> None:
        with self._changed:
            self._told = self._message(snapshot, settling=settling)
            self._changed.notify_all()

    def drain(self) -> None:
        """Ends all watches."""
        self._stopping = True

    def GetTable(self, request: Any, context: Any) -> tables_pb2.RouteTable:
        return self._told

    def WatchTable(self, request: Any, context: Any) -> Iterator[tables_pb2.RouteTable]:
        sent = None
        while context.is_active() and not self._stopping:
            with self._changed:
                if self._told is sent:
                    self._changed.wait(_WAIT_S)
                told = self._told
            if told is not sent:
                sent = told
                yield told
        context.abort(grpc.StatusCode.UNAVAILABLE, "draining")

    @contextlib.contextmanager
    def serving(self, port: int = 0) -> Iterator[int]:
        """Serves on a port, or a free one, and goes away again."""
        self._stopping = False
        server = grpc.server(futures.ThreadPoolExecutor(4))
        tables_pb2_grpc.add_TableServiceServicer_to_server(self, server)
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        try:
            yield bound
        finally:
            self.drain()
            server.stop(grace=None).wait()

    @staticmethod
    def _message(snapshot: table.Snapshot, *, settling: bool) -> tables_pb2.RouteTable:
        return tables_pb2.RouteTable(
            revision=snapshot.revision,
            content_json=json.dumps(table.to_json(snapshot)),
            settling=settling,
        )
