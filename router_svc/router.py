"""The router without its surroundings: everything between the store and the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc

from algolink.router.v1 import fleet_pb2_grpc, router_pb2_grpc, tables_pb2_grpc, traffic_pb2_grpc
from chassis import auth
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication
from router_svc.ads.servicer import AdsServicer
from router_svc.ads.stream import ANSWER_TIMEOUT_S
from router_svc.composer import Composer
from router_svc.decisions import Decisions
from router_svc.domain.world import Policy
from router_svc.exchange import Exchange
from router_svc.heard import Heard
from router_svc.placement_servicer import PlacementServicer
from router_svc.recorder import Recorder
from router_svc.replicas import Replicas
from router_svc.servicer import RouterServicer
from router_svc.servicer_fleet import FleetServicer
from router_svc.servicer_tables import TableServicer
from router_svc.servicer_traffic import TrafficServicer
from router_svc.store import Store, Stored

SERVICE_NAMES = (
    "algolink.router.v1.RouterService",
    "algolink.router.v1.TrafficService",
    "algolink.router.v1.PlacementService",
    "algolink.router.v1.TableService",
    "algolink.router.v1.FleetService",
    "envoy.service.discovery.v3.AggregatedDiscoveryService",
)


class Router:
    """One router's parts, joined.

    Attributes:
        heard: what the feeds fill.
        exchange: with the other routers; to be run, and left at the end.
        composer: to be run.
        recorder: to be run.
    """

    def __init__(
        self,
        store: Store,
        stored: Stored,
        *,
        name: str,
        policy: Policy,
        now: Callable[[], datetime],
    ) -> None:
        self.heard = Heard()
        self.replicas = Replicas(stored.replicas, lease=policy.lease, now=now, router=name)
        self.fleet = Fleet(now, stored.envoys, router=name)
        self.publication = Publication()
        self.decisions = Decisions(store, stored.decisions, now=now)
        self.exchange = Exchange(
            store,
            name,
            replicas=self.replicas,
            fleet=self.fleet,
            decisions=self.decisions,
            lease=policy.router_lease,
            now=now,
        )
        self.composer = Composer(
            store,
            stored,
            exchange=self.exchange,
            heard=self.heard,
            decisions=self.decisions,
            replicas=self.replicas,
            fleet=self.fleet,
            publication=self.publication,
            policy=policy,
            now=now,
        )
        self.recorder = Recorder(
            store,
            name,
            replicas=self.replicas,
            fleet=self.fleet,
            lease=policy.lease,
            now=now,
        )
        self._store = store
        self._now = now

    def register(
        self,
        server: grpc.aio.Server,
        draining: asyncio.Event,
        *,
        check_token: Callable[[str], auth.Caller] | None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """Adds the servicers of `SERVICE_NAMES`.

        Args:
            check_token: see `AdsServicer`.
        """
        router_pb2_grpc.add_RouterServiceServicer_to_server(
            RouterServicer(self.composer, self.replicas, self.fleet, self._store, draining), server
        )
        traffic_pb2_grpc.add_TrafficServiceServicer_to_server(
            TrafficServicer(
                self._store, self.decisions, self.composer, heard=self.heard, fleet=self.fleet
            ),
            server,
        )
        router_pb2_grpc.add_PlacementServiceServicer_to_server(
            PlacementServicer(self.replicas, self.composer, draining, self._now), server
        )
        tables_pb2_grpc.add_TableServiceServicer_to_server(
            TableServicer(self.composer, self._now, draining), server
        )
        fleet_pb2_grpc.add_FleetServiceServicer_to_server(
            FleetServicer(self._store, self.exchange, self.composer, self.fleet), server
        )
        ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(
            AdsServicer(
                self.publication,
                self.fleet,
                draining,
                check_token=check_token,
                answer_timeout_s=answer_timeout_s,
            ),
            server,
        )
