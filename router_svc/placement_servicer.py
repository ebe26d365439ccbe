"""The replicas' line to the router."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime

import grpc

from algolink.errors import InvalidArgument
from algolink.router.v1 import router_pb2, router_pb2_grpc
from chassis import errors, streams
from chassis.watch import first_of
from router_svc import convert
from router_svc.composer import Composer
from router_svc.domain.world import DEFAULT_POOL, Replica
from router_svc.replicas import Replicas
from router_svc.view import View

_log = logging.getLogger(__name__)

_Context = grpc.aio.ServicerContext[router_pb2.AnnounceRequest, router_pb2.AnnounceResponse]


class PlacementServicer(router_pb2_grpc.PlacementServiceServicer):
    """Takes announcements and answers with what to hold.

    A stream that ends takes nothing away: the lease lapses by itself, and a
    replica that lost its line only is back before that.
    """

    def __init__(
        self,
        replicas: Replicas,
        composer: Composer,
        draining: asyncio.Event,
        now: Callable[[], datetime],
    ) -> None:
        self._replicas = replicas
        self._composer = composer
        self._draining = draining
        self._now = now

    async def Announce(
        self,
        request_iterator: AsyncIterator[router_pb2.AnnounceRequest],
        context: _Context,
    ) -> None:
        first = await anext(request_iterator, None)
        if first is None:
            return
        replica = self._announced(first)
        _log.info("replica connected", extra={"replica": replica.id, "pool": replica.pool})
        try:
            await first_of(
                self._read(request_iterator, replica),
                self._tell(context, replica.pool),
                self._draining.wait(),
            )
        finally:
            _log.info("replica disconnected", extra={"replica": replica.id, "pool": replica.pool})
        if self._draining.is_set():
            raise errors.draining()

    async def _read(
        self, requests: AsyncIterator[router_pb2.AnnounceRequest], first: Replica
    ) -> None:
        replica = first
        said = None
        async for request in requests:
            # Mostly it says again what it said before, and that may be much.
            if request == said:
                replica = replace(replica, renewed=self._now())
                self._replicas.announce(replica)
                continue
            said, replica = request, self._announced(request)
            if (replica.pool, replica.id) != (first.pool, first.id):
                raise InvalidArgument(
                    "REPLICA_INVALID",
                    f"the stream of {first.pool}/{first.id} cannot speak for "
                    f"{replica.pool}/{replica.id}",
                    field="replica_id",
                    value=replica.id,
                )

    def _announced(self, request: router_pb2.AnnounceRequest) -> Replica:
        replica = convert.replica_from_proto(request, at=self._now())
        self._replicas.announce(replica)
        return replica

    async def _tell(self, context: _Context, pool: str) -> None:
        # Wanted versions may be thousands: a change that is none of the replicas'
        # business is told by what it left untouched.
        wanted, champions, settled = None, None, False
        while True:
            seen, view = self._composer.changes.count, self._composer.view
            now = _champions(view)
            if view.state.wanted is not wanted or view.settled != settled or now != champions:
                wanted, champions, settled = view.state.wanted, now, view.settled
                await streams.write(context, _answer(view, pool))
            await self._composer.changes.wait_beyond(seen)


def _champions(view: View) -> set[tuple[str, int]]:
    return {(r.model, r.champion) for r in view.state.snapshot.routes.values()}


def _answer(view: View, pool: str) -> router_pb2.AnnounceResponse:
    wanted = sorted(view.state.wanted.items()) if pool == DEFAULT_POOL else []
    champions = _champions(view)
    return router_pb2.AnnounceResponse(
        wanted=[
            convert.wanted_to_proto(
                version, artifact, is_champion=(version.model, version.number) in champions
            )
            for version, artifact in wanted
        ],
        settled=view.settled,
    )
