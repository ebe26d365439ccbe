"""Puts the router together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc

from algolink.router.v1 import router_pb2_grpc
from chassis import auth, channel, database, server
from chassis.runtime import Runtime
from router_svc import feeds
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication
from router_svc.ads.servicer import AdsServicer
from router_svc.composer import Composer
from router_svc.heard import Heard
from router_svc.placement_servicer import PlacementServicer
from router_svc.recorder import Recorder
from router_svc.replicas import Replicas
from router_svc.servicer import RouterServicer
from router_svc.settings import Settings
from router_svc.store_sql import SqlStore

SERVICE_NAMES = (
    "algolink.router.v1.RouterService",
    "algolink.router.v1.PlacementService",
    "envoy.service.discovery.v3.AggregatedDiscoveryService",
)


@asynccontextmanager
async def app(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """The router's stack; it serves while entered."""
    token = auth.read_token(settings.token_file)
    policy = settings.policy()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            database.open_engine(settings.database_url, migrations="router_svc.migrations")
        )
        store = SqlStore(engine)
        stored = await store.load()

        heard = Heard()
        replicas = Replicas(stored.replicas, lease=policy.lease, now=runtime.now)
        fleet = Fleet(runtime.now, stored.envoys)
        publication = Publication()
        composer = Composer(
            store,
            stored,
            heard=heard,
            replicas=replicas,
            fleet=fleet,
            publication=publication,
            policy=policy,
            now=runtime.now,
        )
        recorder = Recorder(
            store, stored, replicas=replicas, fleet=fleet, lease=policy.lease, now=runtime.now
        )

        registry = await stack.enter_async_context(
            channel.open_channel(settings.registry_address, token)
        )
        experiment = await stack.enter_async_context(
            channel.open_channel(settings.experiment_address, token)
        )
        for name, work in (
            ("models", feeds.follow_models(registry, heard)),
            ("experiments", feeds.follow_experiments(experiment, heard)),
            ("composer", composer.run()),
            ("recorder", recorder.run()),
        ):
            await stack.enter_async_context(runtime.background(work, name=name))

        def register(grpc_server: grpc.aio.Server) -> None:
            draining = runtime.draining
            router_pb2_grpc.add_RouterServiceServicer_to_server(
                RouterServicer(composer, replicas, fleet, draining), grpc_server
            )
            router_pb2_grpc.add_PlacementServiceServicer_to_server(
                PlacementServicer(replicas, composer, draining, runtime.now), grpc_server
            )
            ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(
                AdsServicer(publication, fleet, draining), grpc_server
            )

        await stack.enter_async_context(
            server.serve(runtime, settings, register, service_names=SERVICE_NAMES)
        )
        yield
