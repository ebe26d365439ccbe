from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import grpc
import pytest

from algolink.router.v1 import router_pb2_grpc
from chassis import auth, channel, server
from chassis.runtime import Runtime
from chassis.settings import ServiceSettings
from router_svc.domain.world import Experiment, Model, Policy
from router_svc.router import SERVICE_NAMES, Router
from router_svc.store import Store
from router_svc.store_memory import MemoryStore
from tests.router_svc.builders import NOON
from tests.router_svc.envoy_script import ScriptedEnvoy
from tests.router_svc.neighbours import running, until


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Control:
    """A router in this process, whose neighbours are the test."""

    router: Router
    runtime: Runtime
    clock: Clock
    line: grpc.aio.Channel
    stack: AsyncExitStack
    port: int

    @property
    def routes(self) -> router_pb2_grpc.RouterServiceStub:
        return router_pb2_grpc.RouterServiceStub(self.line)

    @property
    def placement(self) -> router_pb2_grpc.PlacementServiceStub:
        return router_pb2_grpc.PlacementServiceStub(self.line)

    def show(self, *models: Model, experiments: tuple[Experiment, ...] = ()) -> None:
        """Shows these models and experiments, and that this is all."""
        for model in models:
            self.router.heard.models.put(model.id, model)
        for experiment in experiments:
            self.router.heard.experiments.put(experiment.id, experiment)
        self.router.heard.models.mark_synced()
        self.router.heard.experiments.mark_synced()

    async def table(self, sequence: int) -> None:
        """Returns once this table, or a later one, is published."""
        await until(lambda: self.router.composer.view.state.sequence >= sequence)

    async def beside(self, check_token: Callable[[str], auth.Caller]) -> grpc.aio.Channel:
        """A channel to the same router on another port, where clients need a token."""
        port = await self.stack.enter_async_context(
            server.serve(
                self.runtime,
                ServiceSettings(drain_notice_s=0.0, drain_grace_s=1.0),
                lambda s: self.router.register(s, self.runtime.draining, check_token=check_token),
                service_names=SERVICE_NAMES,
                require_token=False,
            )
        )
        return await self.stack.enter_async_context(channel.open_channel(f"127.0.0.1:{port}", None))

    async def envoy(self, node: str = "envoy-1") -> ScriptedEnvoy:
        """A scripted Envoy that has connected and asked for nothing yet."""
        return await self.stack.enter_async_context(ScriptedEnvoy.connected(self.line, node))


class Controls:
    """Starts routers, one after another if a test restarts them."""

    def __init__(self, stack: AsyncExitStack, clock: Clock) -> None:
        self._stack = stack
        self.clock = clock
        self._running: dict[str, AsyncExitStack] = {}

    async def start(
        self,
        store: Store | None = None,
        *,
        policy: Policy | None = None,
        answer_timeout_s: float = 5.0,
        name: str = "router",
        leads: bool = True,
    ) -> Control:
        """Starts a router, and ends the one of the same name.

        Args:
            leads: whether to wait until it composes.
        """
        store = store or MemoryStore()
        stack = await self._stack.enter_async_context(AsyncExitStack())
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        runtime = Runtime("router", tasks)
        stack.callback(runtime.cancel_spawned)
        if name in self._running:
            await self._running.pop(name).aclose()
        self._running[name] = stack
        router = Router(
            store, await store.load(), name=name, policy=policy or Policy(), now=self.clock.now
        )
        await stack.enter_async_context(running(router.composer.run()))
        await stack.enter_async_context(running(router.recorder.run()))
        await stack.enter_async_context(running(router.exchange.run()))
        if leads:
            await until(lambda: router.composer.began is not None)
        port = await stack.enter_async_context(
            server.serve(
                runtime,
                ServiceSettings(drain_notice_s=0.0, drain_grace_s=1.0),
                lambda s: router.register(
                    s, runtime.draining, check_token=None, answer_timeout_s=answer_timeout_s
                ),
                service_names=SERVICE_NAMES,
                require_token=False,
            )
        )
        line = await stack.enter_async_context(channel.open_channel(f"127.0.0.1:{port}", None))
        return Control(router, runtime, self.clock, line, stack, port)


@pytest.fixture
async def controls() -> AsyncIterator[Controls]:
    async with AsyncExitStack() as stack:
        yield Controls(stack, Clock())


@pytest.fixture
async def control(controls: Controls) -> Control:
    return await controls.start()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Every implementation of the store, empty."""
    if request.param == "memory":
        yield MemoryStore()
        return
    from chassis import database
    from router_svc.store_sql import SqlStore

    url = (
        f"sqlite+aiosqlite:///{tmp_path / 'router.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    async with database.open_engine(url, migrations="router_svc.migrations") as engine:
        yield SqlStore(engine)


@pytest.fixture
async def another(
    request: pytest.FixtureRequest, store: Store, tmp_path: Path
) -> AsyncIterator[Store]:
    """The store of another router, on the database of `store`."""
    from chassis import database
    from router_svc.store_sql import SqlStore

    if not isinstance(store, SqlStore):
        yield store
        return
    kind = request.node.callspec.params["store"]
    url = (
        f"sqlite+aiosqlite:///{tmp_path / 'router.db'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    async with database.open_engine(url, migrations="router_svc.migrations") as engine:
        yield SqlStore(engine)
