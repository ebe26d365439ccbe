"""What surrounds a router and an Envoy in a measurement, as cheap as it can be.

The neighbours and processes are those of the tests; replicas and clients here
touch bytes that were encoded before, so that they take no time from what is
measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as oip

from algolink.router.v1 import router_pb2, router_pb2_grpc, traffic_pb2_grpc
from chassis import channel
from chassis.watch import Notifier, first_of
from mesh import bootstrap
from mesh.table import Endpoint
from router_svc.domain.world import Loaded, LoadState, Replica
from tests.router_svc import builders
from tests.router_svc.neighbours import Neighbours, running
from tests.router_svc.stack import TOKEN, RouterProcess, envoy

Announcement = router_pb2.AnnounceRequest

_INFER = "/inference.GRPCInferenceService/ModelInfer"
_VERSION_HEADER = "x-algolink-version"


@dataclass
class Surroundings:
    """A router, an Envoy's configuration, and a replica that answers for every version.

    Attributes:
        config: bootstrap of the Envoy.
        folder: where the Envoy runs; its admin socket is in it.
        address: of the Envoy's data listener.
        upstream: of the replica.
    """

    router: RouterProcess
    neighbours: Neighbours
    config: dict[str, Any]
    folder: Path
    address: str
    upstream: Endpoint
    line: grpc.aio.Channel

    @property
    def routes(self) -> router_pb2_grpc.RouterServiceStub:
        return router_pb2_grpc.RouterServiceStub(self.line)

    @property
    def traffic(self) -> traffic_pb2_grpc.TrafficServiceStub:
        return traffic_pb2_grpc.TrafficServiceStub(self.line)

    def envoy(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Runs the Envoy."""
        return envoy(self.folder, self.config)

    async def statistic(self, name: str) -> int:
        """One of Envoy's counters."""
        reader, writer = await asyncio.open_unix_connection(str(self.folder / "admin.sock"))
        writer.write(
            f"GET /stats?filter=^{name}$ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode()
        )
        answer = (await reader.read()).decode()
        writer.close()
        line = next(line for line in answer.splitlines() if line.startswith(name))
        return int(line.rpartition(" ")[2])

    def memory_mb(self) -> float:
        """Resident memory of the router's process."""
        status = Path(f"/proc/{self.router.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1_000


class Caller:
    """Sends one prediction after another and says which version answered.

    Attributes:
        failures: what went wrong, in words.
    """

    def __init__(self, line: grpc.aio.Channel) -> None:
        self._call: Any = line.unary_unary(_INFER)
        self._bodies: dict[str, bytes] = {}
        self.failures: list[str] = []

    async def __call__(self, model: str, unit: str) -> str:
        """Version that answers; empty if the request failed."""
        body = self._bodies.get(model)
        if body is None:
            body = self._bodies[model] = oip.ModelInferRequest(model_name=model).SerializeToString()
        call = self._call(body, metadata=(("x-algolink-unit", unit),), timeout=10)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            self.failures.append(f"{error.code().name}: {error.details()}")
            return ""
        return str(dict(await call.initial_metadata()).get(_VERSION_HEADER, ""))


@dataclass
class Answers:
    """Requests at an even pace: when each was sent and answered, and by which version."""

    sent_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def paced(caller: Caller, model: str, rate: float) -> AsyncIterator[Answers]:
    """So many requests a second of ever new units while the block runs."""
    answers, under_way = Answers(), set[asyncio.Task[None]]()

    async def one(number: int) -> None:
        sent = time.perf_counter()
        version = await caller(model, f"unit-{number}")
        answers.sent_s.append(sent)
        answers.answered_s.append(time.perf_counter())
        answers.versions.append(version)

    async def all_of_them() -> None:
        began, number = time.perf_counter(), 0
        while True:
            due = int((time.perf_counter() - began) * rate)
            for number in range(number, due):  # noqa: B020 - goes on where it was
                task = asyncio.create_task(one(number))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            number = due
            await asyncio.sleep(0.002)

    async with running(all_of_them()):
        yield answers
    await asyncio.gather(*under_way)


@contextlib.asynccontextmanager
async def surroundings(folder: Path) -> AsyncIterator[Surroundings]:
    """Everything but Envoy, running; no model yet."""
    async with contextlib.AsyncExitStack() as opened:
        neighbours = Neighbours()
        port = await opened.enter_async_context(neighbours.serve())
        router = RouterProcess(folder, port)
        await router.start()
        opened.push_async_callback(router.stop)
        upstream = await opened.enter_async_context(_replica())
        held = _Held(upstream)
        await opened.enter_async_context(running(held.announce(router.address)))
        data = Endpoint("127.0.0.1", _free_port())
        params = bootstrap.BootstrapParams(
            node_id="envoy-1",
            router=Endpoint("127.0.0.1", router.port),
            registry=Endpoint("127.0.0.1", port),
            experiment=Endpoint("127.0.0.1", port),
            data=data,
            admin=Endpoint("127.0.0.1", _free_port()),
            token=TOKEN,
            exposure_log_path="exposure.log",
            admin_socket_path="admin.sock",
        )
        line = await opened.enter_async_context(channel.open_channel(router.address, TOKEN))
        await asyncio.wait_for(line.channel_ready(), 60)
        yield Surroundings(
            router=router,
            neighbours=neighbours,
            config=bootstrap.bootstrap(params),
            folder=folder,
            address=str(data),
            upstream=upstream,
            line=line,
        )


class _Held:
    """A replica's line to the router: holds at once whatever it is told to."""

    def __init__(self, upstream: Endpoint) -> None:
        self._upstream = upstream
        self._message = self._announcement(())
        self._changes = Notifier()

    def _announcement(self, wanted: Iterable[router_pb2.WantedVersion]) -> Announcement:
        ready = Loaded(LoadState.READY)
        return builders.announcement(
            Replica(
                id="replica-1",
                pool="default",
                grpc=self._upstream,
                http=self._upstream,
                versions={builders.a_version(w.version, w.model): ready for w in wanted},
                renewed=builders.NOON,
            )
        )

    async def announce(self, address: str) -> None:
        async with channel.open_channel(address, TOKEN) as line:
            stub = router_pb2_grpc.PlacementServiceStub(line)
            while True:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    async for told in stub.Announce(self._every_second()):
                        self._message = self._announcement(told.wanted)
                        self._changes.notify()
                await asyncio.sleep(0.1)

    async def _every_second(self) -> AsyncIterator[Announcement]:
        while True:
            seen = self._changes.count
            yield self._message
            await first_of(self._changes.wait_beyond(seen), timeout_s=1.0)


@contextlib.asynccontextmanager
async def _replica() -> AsyncIterator[Endpoint]:
    """Answers with the request's id, and says that the version that it was told to run did."""

    async def infer(request: bytes, context: Any) -> bytes:
        version = dict(context.invocation_metadata()).get("x-al-version", "")
        await context.send_initial_metadata((("x-al-served", version),))
        identity = oip.ModelInferRequest.FromString(request).id
        answer: bytes = oip.ModelInferResponse(id=identity).SerializeToString()
        return answer

    handlers: dict[str, Any] = {"ModelInfer": grpc.unary_unary_rpc_method_handler(infer)}
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Endpoint("127.0.0.1", port)
    finally:
        await server.stop(None)


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
