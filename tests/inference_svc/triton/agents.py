"""Agents of real Triton servers, between a router and a registry that tests own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc.aio as triton

from algolink.router.v1 import router_pb2
from inference_svc.domain.tensors import Array
from inference_svc.settings import EngineKind, Settings
from tests import tritons
from tests.inference_svc.neighbours import FakeRegistry, FakeRouter, serving

ROW = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)
READY = router_pb2.LOAD_STATE_READY


@dataclass
class Neighbourhood:
    """Who an agent talks to, and where its Triton listens."""

    folder: Path
    registry_address: str
    router_address: str
    registry: FakeRegistry
    router: FakeRouter
    wanted: list[router_pb2.WantedVersion] = field(default_factory=list)
    grpc_address: str = field(default_factory=lambda: free_address())
    http_address: str = field(default_factory=lambda: free_address())

    def settings(self) -> Settings:
        """For an agent in this process."""
        token = self.folder / "token"
        token.write_text("secret\n")
        return Settings(
            registry_address=self.registry_address,
            router_address=self.router_address,
            replica_id="triton-1",
            cache_dir=self.folder / "cache",
            token_file=token,
            drain_notice_s=0.0,
            load_retry_s=0.05,
            listen="127.0.0.1:0",
            engine=EngineKind.TRITON,
            triton_environment=tritons.environment(),
            triton_listen=self.grpc_address,
            triton_http_listen=self.http_address,
            engine_threads=1,
        )

    @asynccontextmanager
    async def agent_process(self) -> AsyncIterator[Process]:
        """An agent as a process of its own, which can be killed."""
        settings = self.settings()
        names = ("registry_address", "router_address", "replica_id", "cache_dir", "token_file")
        told = (*names, "load_retry_s", "listen", "triton_environment", "triton_listen")
        variables = {
            f"ALGOLINK_{name.upper()}": str(getattr(settings, name))
            for name in (*told, "triton_http_listen")
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "inference_svc"),
            env=os.environ | variables | {"ALGOLINK_ENGINE": "triton"},
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    async def hold(self, *wanted: router_pb2.WantedVersion) -> router_pb2.AnnounceRequest:
        """Wants these as well, and waits until all that is wanted is ready."""
        self.wanted += [each for each in wanted if each not in self.wanted]
        return await self._settle()

    async def drop(self, *unwanted: router_pb2.WantedVersion) -> router_pb2.AnnounceRequest:
        """Wants these no more, and waits until they are not announced any more."""
        self.wanted = [each for each in self.wanted if each not in unwanted]
        return await self._settle()

    async def _settle(self) -> router_pb2.AnnounceRequest:
        after = len(self.router.announced)
        await self.router.say(self.wanted)
        names = {(each.model, each.version) for each in self.wanted}
        return await self.router.until(
            lambda told: ready(told) == names == known(told), after=after
        )

    @property
    def log(self) -> str:
        """What Triton has said."""
        return (self.folder / "cache" / "triton" / "triton.log").read_text(errors="replace")

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Any]:
        """A stock client of the Triton itself."""
        async with triton.InferenceServerClient(self.grpc_address) as client:
            yield client


def ready(told: router_pb2.AnnounceRequest) -> set[tuple[str, int]]:
    return {(v.model, v.version) for v in told.versions if v.state == READY}


def known(told: router_pb2.AnnounceRequest) -> set[tuple[str, int]]:
    return {(v.model, v.version) for v in told.versions}


@asynccontextmanager
async def neighbourhood(folder: Path) -> AsyncIterator[Neighbourhood]:
    """A registry and a router without an agent yet."""
    registry, router = FakeRegistry(), FakeRouter()
    async with serving(registry) as registry_address, serving(router) as router_address:
        yield Neighbourhood(folder, registry_address, router_address, registry, router)


def tensors(**arrays: Array) -> list[Any]:
    """Inputs of a stock client."""
    return [tensor(name, array) for name, array in arrays.items()]


def tensor(name: str, array: Array, datatype: str = "FP32") -> Any:
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array)
    return made


async def predicted(client: Any, model: str, version: int, x: Array = ROW) -> Sequence[float]:
    """What a version makes of `x`, and that it was this version."""
    result = await client.infer(model, tensors(x=x), model_version=str(version))
    assert result.get_response().model_version == str(version)
    return list(result.as_numpy("y").ravel())


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
