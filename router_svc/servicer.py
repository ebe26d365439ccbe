"""The route table for people and programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import grpc
from google.protobuf import empty_pb2

from algolink import names
from algolink.errors import NotFound
from algolink.router.v1 import router_pb2, router_pb2_grpc
from chassis import errors
from chassis.watch import first_of
from mesh.table import ModelRoute
from router_svc import convert
from router_svc.ads.fleet import Fleet
from router_svc.composer import Composer
from router_svc.domain.explain import explain
from router_svc.domain.records import RouteRevision
from router_svc.replicas import Replicas
from router_svc.store import Store

_Context = grpc.aio.ServicerContext[Any, Any]
_Outlook = tuple[RouteRevision, bool, tuple[str, ...], bool, tuple[str, ...]]
"""What a route's message is made of: the route, whether it is live, what is
pending, whether it is frozen, who refuses it. Made anew for every route after every change, where
messages would be too dear."""


class RouterServicer(router_pb2_grpc.RouterServiceServicer):
    """Answers from the composer's view, and from history; it writes nothing."""

    def __init__(
        self,
        composer: Composer,
        replicas: Replicas,
        fleet: Fleet,
        store: Store,
        draining: asyncio.Event,
    ) -> None:
        self._composer = composer
        self._replicas = replicas
        self._fleet = fleet
        self._store = store
        self._draining = draining

    async def GetRoute(
        self, request: router_pb2.GetRouteRequest, context: _Context
    ) -> router_pb2.Route:
        model = names.check_model_id(request.model)
        revision = self._composer.view.routes.get(model)
        if revision is None:
            raise self._not_found(model)
        return self._route(self._outlook(revision))

    async def ListRoutes(
        self, request: router_pb2.ListRoutesRequest, context: _Context
    ) -> router_pb2.ListRoutesResponse:
        return router_pb2.ListRoutesResponse(
            routes=[self._route(outlook) for _, outlook in sorted(self._outlooks().items())]
        )

    async def WatchRoutes(
        self, request: router_pb2.WatchRoutesRequest, context: _Context
    ) -> AsyncIterator[router_pb2.WatchRoutesResponse]:
        sent: dict[str, _Outlook] = {}
        synced = False
        while not self._draining.is_set():
            views, fleet = self._composer.changes.count, self._fleet.changes.count
            if request.routing_only and self._composer.view.state.sequence == 0:
                await first_of(self._composer.changes.wait_beyond(views), self._draining.wait())
                continue
            outlooks = self._bare() if request.routing_only else self._outlooks()
            for model in sorted(sent.keys() - outlooks.keys()):
                yield router_pb2.WatchRoutesResponse(deleted=model)
            for model in sorted(m for m, now in outlooks.items() if sent.get(m) != now):
                yield router_pb2.WatchRoutesResponse(route=self._route(outlooks[model]))
            sent = outlooks
            if not synced:
                synced = True
                yield router_pb2.WatchRoutesResponse(synced=empty_pb2.Empty())
            awaited = [self._composer.changes.wait_beyond(views), self._draining.wait()]
            if not request.routing_only:
                awaited.append(self._fleet.changes.wait_beyond(fleet))
            await first_of(*awaited)
        raise errors.draining()

    async def Explain(
        self, request: router_pb2.ExplainRequest, context: _Context
    ) -> router_pb2.Explanation:
        model = names.check_model_id(request.model)
        if request.HasField("time"):
            at = convert.moment_from_proto(request.time)
            route, frozen = await self._past(model, at)
        else:
            route, frozen = self._present(model), self._composer.view.frozen(model)
        explanation = explain(
            route,
            unit=request.unit,
            version=request.version,
            attributes=convert.attributes_from_proto(request.attributes),
            frozen=frozen,
        )
        return convert.explanation_to_proto(explanation, route)

    async def GetStatus(
        self, request: router_pb2.GetStatusRequest, context: _Context
    ) -> router_pb2.Status:
        view = self._composer.view
        return router_pb2.Status(
            replicas=[
                convert.replica_to_proto(replica, alive=self._replicas.alive(replica))
                for replica in sorted(self._replicas.all(), key=lambda r: (r.id, r.pool))
            ],
            envoys=[
                convert.envoy_to_proto(
                    node,
                    up_to_date=node.acknowledged == view.state.sequence > 0 and not node.rejection,
                )
                for node in self._fleet.nodes()
            ],
            settling=view.settling,
        )

    def _outlooks(self) -> dict[str, _Outlook]:
        return {model: self._outlook(r) for model, r in self._composer.view.routes.items()}

    def _bare(self) -> dict[str, _Outlook]:
        """Routes without what is known of their way to the data planes."""
        return {m: (r, False, (), False, ()) for m, r in self._composer.view.routes.items()}

    def _outlook(self, revision: RouteRevision) -> _Outlook:
        view, model = self._composer.view, revision.model
        live = self._fleet.is_live(revision.sequence, model)
        rejections = self._fleet.rejections(model)
        return revision, live, view.pending.get(model, ()), view.frozen(model), rejections

    def _route(self, outlook: _Outlook) -> router_pb2.Route:
        revision, live, pending, frozen, rejections = outlook
        return convert.route_to_proto(
            revision,
            live=live,
            pending=pending,
            frozen=frozen,
            rejections=rejections,
            foreign=self._composer.view.is_foreign(revision.model),
        )

    def _present(self, model: str) -> ModelRoute:
        revision = self._composer.view.routes.get(model)
        if revision is None or revision.route is None:
            raise self._not_found(model)
        return revision.route

    async def _past(self, model: str, at: datetime) -> tuple[ModelRoute, bool]:
        """The route that held at `at`, and whether it was frozen."""
        revision = await self._store.route_at(model, at)
        if revision is None or revision.route is None:
            when = at.isoformat(timespec="seconds")
            raise NotFound("ROUTE_NOT_FOUND", f"nothing served {model} at {when}", model=model)
        decision = await self._store.decision_at(model, at)
        return revision.route, decision is not None and decision.traffic.frozen

    def _not_found(self, model: str) -> NotFound:
        pending = self._composer.view.pending.get(model, ())
        why = f": {'; '.join(pending)}" if pending else ""
        return NotFound("ROUTE_NOT_FOUND", f"nothing serves {model} (yet){why}", model=model)
