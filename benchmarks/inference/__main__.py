"""Our front beside other Python servers: same models, same client, same machine.

    python -m benchmarks.inference [--seconds 2] [--rounds 2] [--output results.json]

Each round starts every server anew, one at a time and in an order that turns,
and drives it at each concurrency. Throughput and latency depend on what else the
machine does; a ratio of medians over alternating restarts does less so, and the
CPU time that a request costs the server hardly at all. Peers that are not
installed (`make bench-inference` does) are left out, and the table says so.
"Triton" is NVIDIA's server with its Python backend: one with its ONNX Runtime
backend is not to be had as a Python package.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.inference.http2_load import Load, drive, percentile_us
from benchmarks.inference.models import MODELS, Model
from benchmarks.inference.servers import AlgoLink, KServe, MlServer, Server, Triton, running

CONCURRENCIES = (1, 16, 64)
OURS = "algolink"
SERVERS: tuple[Server, ...] = (
    AlgoLink(OURS),
    AlgoLink("algolink, no batching", (("ALGOLINK_MAX_BATCH_ROWS", "1"),)),
    Triton(),
    MlServer(),
    KServe(),
)
_WARM_UP_S = 0.5


@dataclass(frozen=True)
class Point:
    """One server under one load, once or the median of several times.

    Attributes:
        throughput: requests answered per second.
        p50_us: median latency.
        p99_us: 99th percentile of latency.
        cpu_us: CPU time of the server per request.
        errors: requests that got no right answer.
    """

    throughput: float
    p50_us: float
    p99_us: float
    cpu_us: float
    errors: int


Points = dict[tuple[str, str, int], list[Point]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="per server and load")
    parser.add_argument("--rounds", type=int, default=2, help="restarts of each server")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/inference/results.json"))
    arguments = parser.parse_args()
    present = [server for server in SERVERS if server.is_installed]
    missing = [server.name for server in SERVERS if not server.is_installed]
    points: Points = defaultdict(list)
    for index in range(arguments.rounds):
        turn = index % len(present)
        for server in present[turn:] + present[:turn]:
            measure(server, arguments.seconds, points)
    result = summary(points, missing, arguments.rounds, arguments.seconds)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))


def measure(server: Server, seconds: float, points: Points) -> None:
    """Starts a server and adds a point for each model and concurrency."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "server").mkdir()
        files = [(model, folder / f"{model.name}.onnx") for model in MODELS]
        for model, path in files:
            path.write_bytes(model.artifact())
        with running(server, folder / "server", files) as process:
            for model in MODELS:
                for concurrency in CONCURRENCIES:
                    asyncio.run(_drive(process.port, model, concurrency, _WARM_UP_S))
                    before_s = process.cpu_time_s()
                    load = asyncio.run(_drive(process.port, model, concurrency, seconds))
                    answered = len(load.latencies_s)
                    points[server.name, model.name, concurrency].append(
                        Point(
                            throughput=answered / load.wall_s,
                            p50_us=percentile_us(load.latencies_s, 50),
                            p99_us=percentile_us(load.latencies_s, 99),
                            cpu_us=(process.cpu_time_s() - before_s) / max(answered, 1) * 1e6,
                            errors=load.errors,
                        )
                    )


async def _drive(port: int, model: Model, concurrency: int, seconds: float) -> Load:
    return await drive(
        "127.0.0.1", port, model.name, model.layers[0], concurrency=concurrency, seconds=seconds
    )


def summary(points: Points, missing: Sequence[str], rounds: int, seconds: float) -> dict[str, Any]:
    """Medians over the rounds, and what they were measured on."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, "
        f"Python {platform.python_version()}",
        "load_at_end": os.getloadavg()[0],
        "rounds": rounds,
        "seconds": seconds,
        "not_installed": list(missing),
        "points": [
            {"server": server, "model": model, "concurrency": concurrency}
            | asdict(_median(repeated))
            for (server, model, concurrency), repeated in points.items()
        ],
    }


def _median(repeated: Sequence[Point]) -> Point:
    return Point(
        throughput=statistics.median(point.throughput for point in repeated),
        p50_us=statistics.median(point.p50_us for point in repeated),
        p99_us=statistics.median(point.p99_us for point in repeated),
        cpu_us=statistics.median(point.cpu_us for point in repeated),
        errors=sum(point.errors for point in repeated),
    )


def table(result: dict[str, Any]) -> str:
    """The result for people: each load with all servers, and ours as a ratio to each."""
    ours = {
        (point["model"], point["concurrency"]): point
        for point in result["points"]
        if point["server"] == OURS
    }
    lines = [
        f"{result['time']}, {result['machine']}, load {result['load_at_end']:.1f}; "
        f"medians of {result['rounds']} restarts, {result['seconds']} s each",
        f"{'model':8}{'conc.':>6}  {'server':24}{'req/s':>9}{'p50 us':>9}{'p99 us':>9}"
        f"{'CPU us':>8}{'errors':>8}  ours: x req/s, x CPU",
    ]
    for point in sorted(result["points"], key=lambda p: (p["model"], p["concurrency"])):
        own = ours[point["model"], point["concurrency"]]
        lines.append(
            f"{point['model']:8}{point['concurrency']:6}  {point['server']:24}"
            f"{point['throughput']:9,.0f}{point['p50_us']:9,.0f}{point['p99_us']:9,.0f}"
            f"{point['cpu_us']:8,.0f}{point['errors']:8}  "
            f"{own['throughput'] / point['throughput']:.2f}, {own['cpu_us'] / point['cpu_us']:.2f}"
        )
    lines += [f"not installed: {name}" for name in result["not_installed"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
