"""A replica for tests: answers what it is told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from tritonclient.grpc import service_pb2, service_pb2_grpc

from mesh import table

_LIMIT_BYTES = 128 * 1024 * 1024


@dataclass
class Replica(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # untyped
    """Answers with the version that it was told to run.

    Attributes:
        requests: headers of every prediction that it was asked for.
        fail_with: status to answer predictions with, while it is set.
        failing: status of the predictions of some versions, gRPC's or REST's.
        hold: while it is not set, predictions wait.
        hanging: versions whose predictions never end.
        foreign: whether it reads the version from message or path, and tells none.
    """

    requests: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[service_pb2.ModelInferRequest] = field(default_factory=list)
    fail_with: grpc.StatusCode | None = None
    failing: dict[str, grpc.StatusCode | int] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    foreign: bool = False
    grpc_endpoint: table.Endpoint = field(default=table.Endpoint("", 0))
    http_endpoint: table.Endpoint = field(default=table.Endpoint("", 0))

    def __post_init__(self) -> None:
        self.hold.set()

    async def ServerLive(self, request: Any, context: Any) -> service_pb2.ServerLiveResponse:
        return service_pb2.ServerLiveResponse(live=True)

    async def ModelReady(self, request: Any, context: Any) -> service_pb2.ModelReadyResponse:
        return service_pb2.ModelReadyResponse(ready=True)

    async def ModelMetadata(self, request: Any, context: Any) -> service_pb2.ModelMetadataResponse:
        version = dict(context.invocation_metadata()).get("x-al-version", "")
        version = request.version if self.foreign else version
        return service_pb2.ModelMetadataResponse(name=request.name, versions=[version])

    async def ModelInfer(
        self, request: service_pb2.ModelInferRequest, context: Any
    ) -> service_pb2.ModelInferResponse:
        version = await self._take(request, context)
        if not self.foreign:
            context.set_trailing_metadata([("x-al-served", version)])
        return service_pb2.ModelInferResponse(
            model_name=request.model_name, model_version=version, id=request.id
        )

    async def ModelStreamInfer(
        self, request_iterator: AsyncIterator[service_pb2.ModelInferRequest], context: Any
    ) -> AsyncIterator[service_pb2.ModelStreamInferResponse]:
        async for request in request_iterator:
            version = await self._take(request, context)
            yield service_pb2.ModelStreamInferResponse(
                infer_response=service_pb2.ModelInferResponse(
                    model_name=request.model_name, model_version=version, id=request.id
                )
            )

    async def _take(self, request: service_pb2.ModelInferRequest, context: Any) -> str:
        headers = dict(context.invocation_metadata())
        self.requests.append(headers)
        self.bodies.append(request)
        await self.hold.wait()
        version = request.model_version if self.foreign else str(headers.get("x-al-version", ""))
        if version in self.hanging:
            await asyncio.Event().wait()
        status = self.failing.get(version, self.fail_with)
        if isinstance(status, grpc.StatusCode):
            await context.abort(status, "told to fail")
        return version

    def forget(self) -> None:
        """Is as at the start, but for its ports."""
        self.requests.clear()
        self.bodies.clear()
        self.failing.clear()
        self.hanging.clear()
        self.fail_with = None

    async def handle_http(self, request: web.Request) -> web.Response:
        headers = {key.lower(): value for key, value in request.headers.items()}
        version = headers.get("x-al-version", "")
        if self.foreign:
            version = (request.path + "/").partition("/versions/")[2].partition("/")[0]
        if request.path.endswith("/infer"):
            await request.read()
            self.requests.append(headers)
            await self.hold.wait()
            if version in self.hanging:
                await asyncio.Event().wait()
            status = self.failing.get(version)
            if isinstance(status, int):
                return web.json_response({"error": "told to fail"}, status=status)
        return web.json_response(
            {"model_version": version, "path": request.path_qs},
            headers={} if self.foreign else {"x-al-served": version},
        )


@contextlib.asynccontextmanager
async def replica() -> AsyncIterator[Replica]:
    """A replica on free ports."""
    serving = Replica()
    server = grpc.aio.server(
        options=[("grpc.max_receive_message_length", _LIMIT_BYTES), ("grpc.so_reuseport", 0)]
    )
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(serving, server)
    serving.grpc_endpoint = table.Endpoint("127.0.0.1", server.add_insecure_port("127.0.0.1:0"))
    app = web.Application(client_max_size=_LIMIT_BYTES)
    app.router.add_route("*", "/{tail:.*}", serving.handle_http)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    serving.http_endpoint = table.Endpoint("127.0.0.1", runner.addresses[0][1])
    await server.start()
    try:
        yield serving
    finally:
        await server.stop(None)
        await runner.cleanup()


@contextlib.asynccontextmanager
async def replica_process() -> AsyncIterator[tuple[Process, table.Endpoint, table.Endpoint]]:
    """A replica in a process of its own, which can be killed; with its gRPC and HTTP server."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.mesh.replicas"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        grpc_port, http_port = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        yield (
            process,
            table.Endpoint("127.0.0.1", grpc_port),
            table.Endpoint("127.0.0.1", http_port),
        )
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _serve_until_killed() -> None:
    async with replica() as serving:
        ports = [serving.grpc_endpoint.port, serving.http_endpoint.port]
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve_until_killed())
