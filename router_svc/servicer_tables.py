"""The route table as a whole, for those who make configuration of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import grpc
from google.protobuf import timestamp_pb2

from algolink import names
from algolink.errors import FailedPrecondition, NotFound
from algolink.router.v1 import tables_pb2, tables_pb2_grpc
from chassis import errors
from chassis.watch import first_of
from mesh import table
from router_svc.composer import Composer

_Context = grpc.aio.ServicerContext[Any, Any]


class TableServicer(tables_pb2_grpc.TableServiceServicer):
    """Answers from the composer's view; it writes nothing."""

    def __init__(
        self, composer: Composer, now: Callable[[], datetime], draining: asyncio.Event
    ) -> None:
        self._composer = composer
        self._now = now
        self._draining = draining

    async def GetTable(
        self, request: tables_pb2.GetTableRequest, context: _Context
    ) -> tables_pb2.RouteTable:
        models = [names.check_model_id(model) for model in request.models]
        state = self._composer.view.state
        if state.sequence == 0:
            raise FailedPrecondition(
                "TABLE_NOT_COMPOSED", "the router has not composed a table yet: ask again shortly"
            )
        return self._told(_of(state.snapshot, models) if models else state.snapshot)

    async def WatchTable(
        self, request: tables_pb2.WatchTableRequest, context: _Context
    ) -> AsyncIterator[tables_pb2.RouteTable]:
        sent: tuple[str, bool] | None = None
        while not self._draining.is_set():
            seen, view = self._composer.changes.count, self._composer.view
            held = view.state.snapshot.revision, view.settling
            if view.state.sequence and held != sent:
                yield self._told(view.state.snapshot)
                sent = held
            await first_of(self._composer.changes.wait_beyond(seen), self._draining.wait())
        raise errors.draining()

    def _told(self, snapshot: table.Snapshot) -> tables_pb2.RouteTable:
        read_time = timestamp_pb2.Timestamp()
        read_time.FromDatetime(self._now())
        return tables_pb2.RouteTable(
            revision=snapshot.revision,
            content_json=json.dumps(table.to_json(snapshot)),
            read_time=read_time,
            settling=self._composer.view.settling,
        )


def _of(snapshot: table.Snapshot, models: list[str]) -> table.Snapshot:
    """Routes of `models`, and the pools that they lead to."""
    for model in models:
        if model not in snapshot.routes:
            raise NotFound("ROUTE_NOT_FOUND", f"nothing serves {model} (yet)", model=model)
    routes = {model: snapshot.routes[model] for model in models}
    pools = {route.pool: snapshot.pools[route.pool] for route in routes.values()}
    return table.Snapshot(routes=routes, pools=pools)
