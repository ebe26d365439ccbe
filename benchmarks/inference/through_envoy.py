"""What Envoy in front of a server costs: the same server, asked directly and through it.

    python -m benchmarks.inference.through_envoy [--engine triton|onnx] [--seconds 2] [--rounds 5]

It starts `algolink up` with one replica, pushes the models, and drives the replica's own
gRPC port and Envoy's in turns, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from algolink.client import AsyncClient
from algolink.router.v1 import router_pb2
from benchmarks.inference.http2_load import Load, drive, percentile_us
from benchmarks.inference.models import MODELS, Model
from benchmarks.inference.servers import Running

CONCURRENCIES = (1, 16, 64)
_WARM_UP_S = 0.5
_START_S = 90


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["triton", "onnx"], default="triton")
    parser.add_argument("--seconds", type=float, default=2.0, help="per way, model and load")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder), arguments.engine) as told:
        direct = asyncio.run(deploy(told))
        children = told["children"]
        points = measure(
            {"direct": direct, "Envoy": told["data_endpoint"]},
            {"server": Running(0, children["inference-1"]), "Envoy": Running(0, children["mesh"])},
            arguments.seconds,
            arguments.rounds,
        )
    print(
        f"{datetime.now(UTC).isoformat(timespec='seconds')}, {os.cpu_count()} CPUs, "
        f"{platform.machine()}, load {os.getloadavg()[0]:.1f}; engine {arguments.engine}; "
        f"medians of {arguments.rounds} turns, {arguments.seconds:g} s each"
    )
    print(table(points))


@contextmanager
def stack(folder: Path, engine: str) -> Iterator[dict[str, Any]]:
    """`algolink up` with one replica, and what it told about itself."""
    output = folder / "up.json"
    command = [sys.executable, "-m", "cli.main", "up", "-o", "json", "--replicas", "1"]
    command += ["--engine", engine, "--port", "0", "--admin-port", "0"]
    with output.open("wb") as file:
        process = subprocess.Popen([*command, "--data-dir", str(folder / "data")], stdout=file)
    try:
        deadline = time.monotonic() + _START_S
        while not output.read_text().endswith("\n"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("algolink up is not ready")
            time.sleep(0.1)
        yield json.loads(output.read_text())
    finally:
        process.terminate()
        process.wait()


async def deploy(told: dict[str, Any]) -> str:
    """Pushes the models, waits until Envoy routes them, and gives the replica's gRPC port."""
    token = json.loads((Path(told["data_dir"]) / "connection.json").read_text())["token"]
    admin, data = told["admin_endpoint"], told["data_endpoint"]
    async with AsyncClient(admin, data_endpoint=data, token=token) as client:
        for model in MODELS:
            await client.push(model.artifact(), name=model.name)
        while not all(r.live for r in await routes(client)):  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(0.1)
        [replica] = (await client.status()).replicas
        return str(replica.grpc_address)


async def routes(client: AsyncClient) -> Sequence[router_pb2.Route]:
    """Routes of all models, or one that is not live while some are missing."""
    found = await client.routes()
    return found if len(found) == len(MODELS) else [router_pb2.Route()]


@dataclass(frozen=True)
class Point:
    """One way under one load, once or the median of several times.

    Attributes:
        throughput: requests answered per second.
        p50_us: median latency.
        p99_us: 99th percentile of latency.
        cpu_us: CPU time per request, by who spent it.
        errors: requests that got no right answer.
    """

    throughput: float
    p50_us: float
    p99_us: float
    cpu_us: dict[str, float]
    errors: int


Points = dict[tuple[str, int, str], list[Point]]
"""By model, concurrency and way."""


def measure(
    ways: dict[str, str], processes: dict[str, Running], seconds: float, rounds: int
) -> Points:
    """Drives each way in turns."""
    points: Points = {}
    for number in range(rounds):
        for model in MODELS:
            for concurrency in CONCURRENCIES:
                # Whoever is second has a warmer model.
                for way in sorted(ways, reverse=bool(number % 2)):
                    asyncio.run(_drive(ways[way], model, concurrency, _WARM_UP_S))
                    before = {name: process.cpu_time_s() for name, process in processes.items()}
                    load = asyncio.run(_drive(ways[way], model, concurrency, seconds))
                    answered = max(1, len(load.latencies_s))
                    points.setdefault((model.name, concurrency, way), []).append(
                        Point(
                            throughput=answered / load.wall_s,
                            p50_us=percentile_us(load.latencies_s, 50),
                            p99_us=percentile_us(load.latencies_s, 99),
                            cpu_us={
                                name: (process.cpu_time_s() - before[name]) / answered * 1e6
                                for name, process in processes.items()
                            },
                            errors=load.errors,
                        )
                    )
    return points


async def _drive(address: str, model: Model, concurrency: int, seconds: float) -> Load:
    host, _, port = address.rpartition(":")
    return await drive(
        host, int(port), model.name, model.layers[0], concurrency=concurrency, seconds=seconds
    )


def table(points: Points) -> str:
    """For people: each way under each load, and what is left of the direct one's throughput."""
    lines = [
        f"{'model':8}{'conc.':>6}  {'way':8}{'req/s':>9}{'p50 us':>9}{'p99 us':>9}"
        f"{'CPU us: server':>16}{'Envoy':>7}{'errors':>8}"
    ]
    throughputs = {}
    for (model, concurrency, way), repeated in points.items():
        median = {
            name: statistics.median(getattr(point, name) for point in repeated)
            for name in ("throughput", "p50_us", "p99_us")
        }
        server_us, envoy_us = (
            statistics.median(point.cpu_us[name] for point in repeated)
            for name in ("server", "Envoy")
        )
        throughputs[model, concurrency, way] = median["throughput"]
        lines.append(
            f"{model:8}{concurrency:6}  {way:8}{median['throughput']:9,.0f}"
            f"{median['p50_us']:9,.0f}{median['p99_us']:9,.0f}{server_us:16,.0f}{envoy_us:7,.0f}"
            f"{sum(point.errors for point in repeated):8}"
        )
    lines.append("")
    for model, concurrency in dict.fromkeys((model, conc) for model, conc, _ in points):
        kept = throughputs[model, concurrency, "Envoy"] / throughputs[model, concurrency, "direct"]
        lines.append(f"{model:8}{concurrency:6}  through Envoy: {kept:.2f} of direct")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
