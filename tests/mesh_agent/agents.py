"""Real mesh agents for tests, with everything that stands around one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from mesh import resources, table
from tests.mesh import ads, builders, replicas
from tests.mesh_agent.facts import Facts, serving

MODEL = "digits"


@dataclass
class Station:
    """What an agent needs around it, and the agents that were started in one folder."""

    folder: Path
    facts: Facts
    facts_port: int
    control_plane: ads.ControlPlane
    router_port: int
    replica: replicas.Replica
    data: table.Endpoint = field(
        default_factory=lambda: table.Endpoint("127.0.0.1", builders.free_port())
    )
    admin: table.Endpoint = field(
        default_factory=lambda: table.Endpoint("127.0.0.1", builders.free_port())
    )
    listen: table.Endpoint = field(
        default_factory=lambda: table.Endpoint("127.0.0.1", builders.free_port())
    )
    agents: list[Process] = field(default_factory=list)

    @property
    def agent_dir(self) -> Path:
        return self.folder / "mesh"

    @property
    def envoy_pid(self) -> int:
        return int(json.loads((self.run_dir / "envoy.pid").read_bytes())["pid"])

    @property
    def run_dir(self) -> Path:
        """Folder of the newest run of Envoy."""
        return max(self.agent_dir.glob("runs/*/envoy.pid")).parent

    def log_bytes(self) -> int:
        """Size of all files of the newest run's exposure log."""
        return sum(path.stat().st_size for path in self.run_dir.glob("exposure.log*"))

    async def start(self, **environment: str) -> Process:
        """Starts an agent and waits until it says that it serves."""
        agent = await self.launch(**environment)
        await self.until_serving(True)
        return agent

    async def launch(self, **environment: str) -> Process:
        """Starts an agent."""
        router = f"127.0.0.1:{self.router_port}"
        settings = {
            "LISTEN": str(self.listen),
            "ROUTER_ADDRESS": router,
            "REGISTRY_ADDRESS": router,
            "EXPERIMENT_ADDRESS": f"127.0.0.1:{self.facts_port}",
            "DATA_LISTEN": str(self.data),
            "ADMIN_LISTEN": str(self.admin),
            "AGENT_DIR": str(self.agent_dir),
            "NODE_ID": "envoy-1",
            "CONCURRENCY": "1",
            "DRAIN_NOTICE_S": "0",
            "DRAIN_GRACE_S": "5",
        } | environment
        agent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mesh_agent"),
            env=os.environ | {f"ALGOLINK_{key}": value for key, value in settings.items()},
            stderr=(self.folder / "agent.log").open("ab"),
        )
        self.agents.append(agent)
        return agent

    async def until_serving(self, wanted: bool) -> None:
        """Waits until the agent's health says so."""
        async with asyncio.timeout(30):
            while await self._is_serving() != wanted:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def predict(self, *units: str, patient: bool = True) -> list[str]:
        """One prediction per unit; returns their request ids.

        Args:
            patient: whether to wait for a connection, and try again.
        """
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", int(patient))]
        async with grpc.aio.insecure_channel(str(self.data), options=options) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            request_ids = []
            for unit in units:
                call = stub.ModelInfer(
                    service_pb2.ModelInferRequest(model_name=MODEL),
                    metadata=[("x-algolink-unit", unit)],
                    timeout=10,
                    wait_for_ready=patient,
                )
                await call
                headers = {str(k): str(v) for k, v in await call.initial_metadata()}
                request_ids.append(headers["x-algolink-request-id"])
        return request_ids

    async def _is_serving(self) -> bool:
        async with grpc.aio.insecure_channel(str(self.listen)) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@contextlib.asynccontextmanager
async def station(folder: Path) -> AsyncIterator[Station]:
    """A router, a fact service and a replica; ends every agent and its Envoy."""
    async with contextlib.AsyncExitStack() as stack:
        replica = await stack.enter_async_context(replicas.replica())
        snapshot = builders.a_snapshot(
            builders.a_route(split=builders.a_split({"champion": 5_000, "challenger": 5_000})),
            grpc=(replica.grpc_endpoint,),
            http=(replica.http_endpoint,),
        )
        control_plane, router_port = await stack.enter_async_context(
            ads.control_plane(resources.build(snapshot))
        )
        facts = Facts()
        built = Station(
            folder=folder,
            facts=facts,
            facts_port=await stack.enter_async_context(serving(facts)),
            control_plane=control_plane,
            router_port=router_port,
            replica=replica,
        )
        try:
            yield built
        finally:
            for agent in built.agents:
                with contextlib.suppress(ProcessLookupError):
                    agent.kill()
                await agent.wait()
            for file in built.agent_dir.glob("runs/*/envoy.pid"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(json.loads(file.read_bytes())["pid"], signal.SIGKILL)
