"""A real Envoy on a folder that `algolink mesh sync` keeps, under requests that never stop."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from algolink import split
from mesh import table
from mesh.targets import envoy
from tests.mesh import builders
from tests.mesh.targets import serving
from tests.mesh.targets.syncing import syncing
from tests.mesh.targets.tellers import Teller

pytestmark = pytest.mark.e2e

UNITS = [f"reader-{number}" for number in range(200)]


def ramped(replica: Any, weight: int, *, champion: int = 1, killed: bool = False) -> table.Snapshot:
    route = builders.a_route(
        versions=(1,) if killed else (1, 2),
        killed=(2,) if killed else (),
        split=builders.a_split({"champion": 10_000 - weight, "challenger": weight})
        if weight
        else None,
    )
    return builders.a_snapshot(route, grpc=(replica.grpc_endpoint,), http=(replica.http_endpoint,))


async def test_changes_lose_no_request_and_restarts_of_the_router_none_either(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "envoy"
    address, metrics = serving.free_address(), serving.free_address()
    async with contextlib.AsyncExitStack() as stack:
        replica = await stack.enter_async_context(serving.replica())
        teller = Teller(ramped(replica, 0))
        with teller.serving() as port:
            options = (
                "--endpoint",
                f"127.0.0.1:{port}",
                "--listen",
                str(address),
                "--metrics",
                str(metrics),
            )
            sync = await stack.enter_async_context(syncing(folder, *options))
            await sync.until("written")
            gateway = await stack.enter_async_context(serving.gateway(folder, envoy.FILES, address))
            stop, asked = asyncio.Event(), 0

            async def keep_asking() -> None:
                nonlocal asked
                while not stop.is_set():
                    assert set(await gateway.versions("digits", UNITS[:40])) <= {"1", "2"}
                    asked += 40

            asking = asyncio.create_task(keep_asking())
            for weight in (1_000, 5_000, 0, 10_000):
                teller.tell(changed := ramped(replica, weight))
                await sync.until("written", changed.revision)
                await follows(gateway, changed)
        await sync.until("lost")
        last = ramped(replica, 10_000, killed=True)
        teller.tell(last)
        with teller.serving(port):
            await sync.until("written", last.revision)
            await follows(gateway, last)
            stop.set()
            await asking
            async with aiohttp.request("GET", f"http://{metrics}/metrics") as answer:
                told = await answer.text()

    assert asked > 0
    assert "algolink_mesh_sync_writes_total 6.0" in told
    assert "algolink_mesh_sync_behind 0.0" in told


async def follows(gateway: serving.Gateway, snapshot: table.Snapshot) -> None:
    """Waits until every unit is answered by the version that the table says."""
    route = snapshot.routes["digits"]
    expected = []
    for unit in UNITS:
        chosen, version = route.split, route.champion
        if chosen is not None:
            arm = chosen.table.arm_of(split.bucket(chosen.salt, unit))
            version = route.unkilled(chosen.versions[arm])
        expected.append(str(version))
    async with asyncio.timeout(60):
        while await gateway.versions("digits", UNITS) != expected:
            pass
