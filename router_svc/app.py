"""Puts the router together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chassis import auth, channel, database, server
from chassis.runtime import Runtime
from router_svc import feeds
from router_svc.ads.servicer import WHOLE_WORLD_METHOD
from router_svc.router import SERVICE_NAMES, Router
from router_svc.settings import Settings
from router_svc.store_sql import SqlStore


@asynccontextmanager
async def app(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """The router's stack; it serves while entered."""
    token = auth.read_token(settings.token_file)
    tokens = auth.Tokens.read(settings.tokens_file)
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            database.open_engine(settings.database_url, migrations="router_svc.migrations")
        )
        store = SqlStore(engine)
        router = Router(
            store,
            await store.load(),
            name=settings.name(),
            policy=settings.policy(),
            now=runtime.now,
        )
        stack.push_async_callback(router.exchange.leave)
        registry = await stack.enter_async_context(
            channel.open_channel(settings.registry_address, token)
        )
        experiment = await stack.enter_async_context(
            channel.open_channel(settings.experiment_address, token)
        )
        for name, work in (
            ("models", feeds.follow_models(registry, router.heard)),
            ("experiments", feeds.follow_experiments(experiment, router.heard)),
            ("composer", router.composer.run()),
            ("recorder", router.recorder.run()),
            ("exchange", router.exchange.run()),
        ):
            await stack.enter_async_context(runtime.background(work, name=name))
        await stack.enter_async_context(
            server.serve(
                runtime,
                settings,
                lambda grpc_server: router.register(
                    grpc_server, runtime.draining, check_token=tokens.check_token
                ),
                service_names=SERVICE_NAMES,
                open_methods=(WHOLE_WORLD_METHOD,),
            )
        )
        yield
