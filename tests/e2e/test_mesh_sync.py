"""A mesh of somebody else's: an Envoy on files that follow the running system."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path

import grpc
import pytest

from algolink import split
from algolink.client import AsyncClient, Client
from algolink.router.v1 import traffic_pb2
from examples.digits.material import Training
from mesh.targets import envoy
from tests.e2e.stack import Stack
from tests.mesh import envoys
from tests.mesh.targets import serving
from tests.mesh.targets.syncing import syncing

pytestmark = pytest.mark.e2e

UNITS = [f"unit-{number}" for number in range(30)]


async def test_an_envoy_on_synced_files_answers_as_the_systems_own(
    stack: Stack, client: AsyncClient, training: Training, tmp_path: Path
) -> None:
    model, image = f"digits-{uuid.uuid4().hex[:8]}", training.images[:1]
    await client.push(training.champion.onnx, name=model)
    await client.push(training.challenger.onnx, name=model)
    address, folder = serving.free_address(), tmp_path / "envoy"
    options = ("--data-dir", str(stack.data_dir), "--listen", str(address))

    async with syncing(folder, *options) as sync:
        await sync.until("written")
        async with (
            envoys.envoy(folder, envoy.FILES),
            grpc.aio.insecure_channel(str(address)) as line,
        ):
            await asyncio.wait_for(line.channel_ready(), 60)
            with Client(stack.admin_endpoint, data_endpoint=str(address), token=stack.token) as own:

                def answers() -> list[int]:
                    return [own.predict(model, image, unit=unit).version for unit in UNITS]

                for weight in (4_000, 7_000):
                    shifted = await client.traffic.shift(model, {1: 10_000 - weight, 2: weight})
                    wanted = [version_of(shifted, unit) for unit in UNITS]
                    async with asyncio.timeout(60):
                        while await asyncio.to_thread(answers) != wanted:
                            pass
                # An Envoy has a folder per run; the last one is the one that runs.
                sockets = (stack.data_dir / "mesh" / "runs").glob("*/admin.sock")
                own_envoy = max(sockets, key=lambda socket: socket.stat().st_mtime)
                async with asyncio.timeout(60):
                    while await compared(stack, own_envoy) != 0:
                        pass
                await stack.kill("router")
                await client.traffic.kill(model, 2)
                async with asyncio.timeout(60):
                    while set(await asyncio.to_thread(answers)) != {1}:
                        pass


async def compared(stack: Stack, envoy_source: Path) -> int:
    """Exit status of `mesh diff` of an Envoy with the running system."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "mesh", "diff", "--envoy", str(envoy_source)),
        *("--data-dir", str(stack.data_dir)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


def version_of(shifted: traffic_pb2.Traffic, unit: str) -> int:
    table = split.Table(tuple(split.Segment(s.start, s.end, s.arm) for s in shifted.shift.segments))
    return int(table.arm_of(split.bucket(shifted.shift.salt, unit)).removeprefix("v"))
