"""Routers and Envoys, for operators."""

from __future__ import annotations

from typing import Any

import grpc

from algolink import names
from algolink.errors import FailedPrecondition, InvalidArgument, NotFound
from algolink.router.v1 import fleet_pb2 as pb
from algolink.router.v1 import fleet_pb2_grpc
from router_svc import convert
from router_svc.ads.fleet import Fleet, Node
from router_svc.composer import Composer
from router_svc.exchange import Exchange
from router_svc.store import Register

_Context = grpc.aio.ServicerContext[Any, Any]


class FleetServicer(fleet_pb2_grpc.FleetServiceServicer):
    """Answers from what all routers have written down."""

    def __init__(
        self, store: Register, exchange: Exchange, composer: Composer, fleet: Fleet
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._composer = composer
        self._fleet = fleet

    async def GetFleet(self, request: pb.GetFleetRequest, context: _Context) -> pb.Fleet:
        return pb.Fleet(
            answered_by=self._exchange.router,
            table=self._composer.view.state.sequence,
            routers=[
                pb.RouterReplica(
                    id=router, alive=alive, composing=router == self._exchange.composer
                )
                for router, alive in self._exchange.routers().items()
            ],
            envoys=[self._envoy(node) for node in self._fleet.nodes()],
        )

    async def RemoveEnvoy(
        self, request: pb.RemoveEnvoyRequest, context: _Context
    ) -> pb.RemoveEnvoyResponse:
        if not request.id:
            raise InvalidArgument("ENVOY_MISSING", "name the Envoy to remove")
        node, shown = self._fleet.get(request.id), names.shown(request.id)
        if node is not None and node.connected:
            raise FailedPrecondition(
                "ENVOY_CONNECTED",
                f"Envoy {shown} is connected to router {self._router(node)}: stop it first",
                envoy=shown,
                router=self._router(node),
            )
        if not await self._store.delete_envoy(request.id):
            raise NotFound("ENVOY_NOT_FOUND", f"no Envoy {shown} is known", envoy=shown)
        self._fleet.forget(request.id)
        return pb.RemoveEnvoyResponse()

    def _envoy(self, node: Node) -> pb.RegisteredEnvoy:
        return pb.RegisteredEnvoy(
            id=node.id,
            router=self._router(node),
            acknowledged_table=node.acknowledged,
            seen_time=convert.timestamp(node.seen),
            rejection=node.rejection,
            refused_models=sorted(node.refused),
        )

    def _router(self, node: Node) -> str:
        return self._exchange.router if node.stream is not None else node.router
