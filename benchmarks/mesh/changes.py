"""From a change to requests that follow it, with few models and with many."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc

from algolink import split
from algolink.router.v1 import router_pb2
from algolink.router.v1 import traffic_pb2 as pb
from benchmarks.mesh.surroundings import Caller, Surroundings, paced, surroundings
from tests.router_svc.builders import a_model
from tests.router_svc.neighbours import until

_LOAD_PER_S = 200
_ADS_BYTES = "cluster.algolink.ads.upstream_cx_rx_bytes_total"


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run of weight changes measured.

    Attributes:
        served_ms: of each change, from the command to the first answer that follows it.
        bytes_a_change: that the router sent to Envoy, frames and all, on average.
        requests: under load meanwhile.
        failed: of them.
        start_s: from Envoy's start until the last model answered.
        memory_mb: the router's, in the end.
    """

    models: int
    served_ms: list[float]
    bytes_a_change: float
    requests: int
    failed: int
    start_s: float
    memory_mb: float

    def lines(self) -> list[tuple[str, str]]:
        """What to print, with what is aimed at."""
        served = sorted(self.served_ms)
        return [
            (
                f"{self.models} models: {len(served)} changes, command to served",
                f"median {statistics.median(served):.1f} ms, max {served[-1]:.1f} ms (10, 100)",
            ),
            (
                f"{self.models} models: bytes a change",
                f"{self.bytes_a_change:,.0f} (1,000), two segments",
            ),
            (
                f"{self.models} models: failed requests meanwhile",
                f"{self.failed} of {self.requests} (0)",
            ),
            (
                f"{self.models} models: Envoy's start to the last model's answer",
                f"{self.start_s:.2f} s (5)",
            ),
            (f"{self.models} models: the router's memory", f"{self.memory_mb:.0f} MB (400)"),
        ]


async def measure(folder: Path, *, models: int, changes: int) -> Changes:
    """Shifts one of `models` so many times, each with two versions that are served."""
    names = [f"model-{number:05d}" for number in range(models)]
    async with contextlib.AsyncExitStack() as opened:
        around = await opened.enter_async_context(surroundings(folder))
        for name in names:
            around.neighbours.show_model(
                a_model(name, champion=1, aliases={"canary": 2}, versions=(1, 2))
            )
        await _composed(around, names)
        data = await opened.enter_async_context(line_to(around.address))
        caller = Caller(data)
        began = time.perf_counter()
        await opened.enter_async_context(around.envoy())
        await asyncio.wait_for(data.channel_ready(), 120)
        while await caller(names[-1], "unit-1") != "1":  # noqa: ASYNC110 - nobody else knows
            await asyncio.sleep(0.005)
        start_s = time.perf_counter() - began
        caller.failures.clear()
        for name in names[:: max(1, models // 100)]:
            assert await caller(name, "unit-1") == "1", name  # noqa: S101 - it measures nothing else
        changed = names[models // 2]
        await _shift(around, changed, 1)
        before = await around.statistic(_ADS_BYTES)
        probing, loading = Caller(data), Caller(data)
        async with paced(loading, changed, _LOAD_PER_S) as answers:
            served_ms = [
                await _one_change(around, probing, changed, number) for number in range(changes)
            ]
        sent = await around.statistic(_ADS_BYTES) - before
        return Changes(
            models=models,
            served_ms=served_ms,
            bytes_a_change=sent / changes,
            requests=len(answers.versions),
            failed=len(loading.failures) + len(probing.failures) + len(caller.failures),
            start_s=start_s,
            memory_mb=around.memory_mb(),
        )


async def _one_change(around: Surroundings, caller: Caller, model: str, number: int) -> float:
    """Milliseconds until a unit that a change moves is answered by the other version."""
    share = 6_000 if number % 2 == 0 else 4_000
    traffic = await around.traffic.GetTraffic(pb.GetTrafficRequest(model=model))
    unit = _moved_unit(traffic.shift.salt)
    wanted = "2" if share == 6_000 else "1"
    began = time.perf_counter()
    command = asyncio.ensure_future(_shift(around, model, share))
    while await caller(model, unit) != wanted:
        pass
    served_ms = 1_000 * (time.perf_counter() - began)
    await command
    await asyncio.sleep(0.05)
    return served_ms


def _moved_unit(salt: str) -> str:
    """A unit whose bucket is version 2's with 60 %, and version 1's with 40 %."""
    return next(
        unit
        for unit in (f"unit-{number}" for number in range(10_000))
        if 4_000 <= split.bucket(salt, unit) < 6_000
    )


async def _shift(around: Surroundings, model: str, challenger_bp: int) -> None:
    await around.traffic.ShiftTraffic(
        pb.ShiftTrafficRequest(
            model=model, weights_bp={1: split.BUCKETS - challenger_bp, 2: challenger_bp}
        )
    )


async def _composed(around: Surroundings, names: list[str]) -> None:
    async def done() -> bool:
        try:
            route = await around.routes.GetRoute(router_pb2.GetRouteRequest(model=names[-1]))
        except grpc.aio.AioRpcError:
            return False
        return list(route.versions) == [1, 2]

    await until(done, within_s=120)


@contextlib.asynccontextmanager
async def line_to(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to an Envoy that has yet to start."""
    options = [("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 50)]
    options.append(("grpc.initial_reconnect_backoff_ms", 20))
    options.append(("grpc.min_reconnect_backoff_ms", 20))
    async with grpc.aio.insecure_channel(address, options=options) as line:
        yield line
