"""Calls about the route table as a whole."""

from __future__ import annotations

from algolink.client.calls import Call
from algolink.router.v1 import tables_pb2 as pb

WATCH_S = 300.0
"""How long one watch lasts, lest one whose other end is silently gone last for ever."""


def watch_table() -> Call[pb.RouteTable]:
    return Call(
        path="/algolink.router.v1.TableService/WatchTable",
        request=pb.WatchTableRequest(),
        reply=pb.RouteTable,
    )
