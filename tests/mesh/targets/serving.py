"""A real Envoy that runs what was rendered, with one replica, and a client of both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from mesh import table
from tests.mesh import builders, envoys, replicas

_TIMEOUT_S = 20


@dataclass
class Gateway:
    """What a client sees of it.

    Attributes:
        address: where it listens.
        host: host that the client names; empty for the address.
        answers: headers of the last answer over gRPC.
    """

    address: table.Endpoint
    stub: service_pb2_grpc.GRPCInferenceServiceStub
    http: aiohttp.ClientSession
    host: str = ""

    async def version(
        self, model: str, *headers: tuple[str, str], version: str = ""
    ) -> tuple[str, dict[str, str]]:
        """The version that a prediction over gRPC was answered by, and the answer's headers."""
        request = service_pb2.ModelInferRequest(model_name=model, model_version=version)
        call = self.stub.ModelInfer(request, metadata=headers, timeout=_TIMEOUT_S)
        response = await call
        told = {str(key): str(value) for key, value in await call.initial_metadata()}
        return response.model_version, told

    async def versions(self, model: str, units: Iterable[str]) -> list[str]:
        """The version that each unit was answered by."""
        limit = asyncio.Semaphore(32)

        async def one(unit: str) -> str:
            async with limit:
                return (await self.version(model, ("x-algolink-unit", unit)))[0]

        return list(await asyncio.gather(*(one(unit) for unit in units)))

    async def rest(self, path: str, *units: str) -> tuple[int, str]:
        """Status of a prediction over REST, and the version that answered it."""
        headers = [("x-algolink-unit", unit) for unit in units]
        if self.host:
            headers.append(("host", self.host))
        url = f"http://{self.address}{path}"
        async with self.http.post(url, json={}, headers=headers) as answer:
            return answer.status, answer.headers.get("x-algolink-version", "")


@contextlib.asynccontextmanager
async def gateway(
    folder: Path, bootstrap_file: str, address: table.Endpoint, host: str = ""
) -> AsyncIterator[Gateway]:
    """Envoy on a bootstrap that listens on `address`, once it does."""
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(envoys.envoy(folder, bootstrap_file))
        options = [("grpc.default_authority", host)] if host else []
        channel = await stack.enter_async_context(
            grpc.aio.insecure_channel(str(address), options=options)
        )
        await asyncio.wait_for(channel.channel_ready(), _TIMEOUT_S)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Gateway(address, service_pb2_grpc.GRPCInferenceServiceStub(channel), http, host)


def free_address() -> table.Endpoint:
    """Where nobody listens now."""
    return table.Endpoint("127.0.0.1", builders.free_port())


@contextlib.asynccontextmanager
async def replica() -> AsyncIterator[replicas.Replica]:
    """A replica that answers with the version that it is told to run."""
    async with replicas.replica() as serving:
        yield serving
