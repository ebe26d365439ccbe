"""A replica's data side, in small: answers with the version that it is told to run."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from mesh.table import Endpoint


class Upstream(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # untyped
    """Serves predictions over gRPC.

    Attributes:
        grpc: where it listens.
        http: where a REST server would; nobody asks it in these tests.
        foreign: whether it reads the version from the message.
        answered: predictions so far.
        failing: status of the predictions of some versions; `None` for those that
            never end.
    """

    def __init__(self, *, foreign: bool = False) -> None:
        self.foreign = foreign
        self.answered = 0
        self.failing: dict[str, grpc.StatusCode | None] = {}
        self.grpc = Endpoint("127.0.0.1", 0)
        self.http = Endpoint("127.0.0.1", 0)

    async def ModelInfer(
        self, request: service_pb2.ModelInferRequest, context: Any
    ) -> service_pb2.ModelInferResponse:
        self.answered += 1
        if self.foreign:
            return service_pb2.ModelInferResponse(
                model_name=request.model_name, model_version=request.model_version
            )
        version = dict(context.invocation_metadata()).get("x-al-version", "")
        if version in self.failing:
            await self._fail(self.failing[version], context)
        await context.send_initial_metadata([("x-al-served", version)])
        return service_pb2.ModelInferResponse(model_name=request.model_name, model_version=version)

    async def _fail(self, status: grpc.StatusCode | None, context: Any) -> None:
        if status is None:
            await asyncio.Event().wait()
        await context.abort(status, "told to fail")

    @classmethod
    @contextlib.asynccontextmanager
    async def serving(cls, *, foreign: bool = False) -> AsyncIterator[Upstream]:
        """An upstream on a free port."""
        upstream = cls(foreign=foreign)
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(upstream, server)
        port = server.add_insecure_port("127.0.0.1:0")
        upstream.grpc, upstream.http = Endpoint("127.0.0.1", port), Endpoint("127.0.0.1", port)
        await server.start()
        try:
            yield upstream
        finally:
            await server.stop(None)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
