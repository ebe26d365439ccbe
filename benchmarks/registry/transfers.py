"""An artifact into the registry and out of it, beside `cp` and `sha256sum`.

    python -m benchmarks.registry.transfers [--mib 2048] [--rounds 3]

What it has to be compared with: `cp` of the file and `sha256sum` of the copy, one after the
other, which is what moving it with care would take without us. Upload counts the client's own
digest, the way over gRPC, the registry's digest, and the sync to disk; download counts both
digests and the file. The file is in the page cache for all of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from algolink.client import Client
from algolink.client.artifact import Piece
from benchmarks.registry import service

GOAL = 0.7
"""Of the speed of `cp` and `sha256sum`."""

GOAL_MIB = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="size of the artifact")
    parser.add_argument("--rounds", type=int, default=3, help="how often, each time other bytes")
    arguments = parser.parse_args()
    timings: dict[str, list[float]] = {"cp and sha256sum": [], "upload": [], "download": []}
    with tempfile.TemporaryDirectory() as name, service.running(Path(name)) as registry:
        folder = Path(name)
        idle_mib = registry.peak_mib
        with Client(registry.address, data_endpoint="127.0.0.1:1", token=service.TOKEN) as client:
            for _ in range(arguments.rounds):
                for what, seconds in _round(client, folder, arguments.mib).items():
                    timings[what].append(seconds)
        peak_mib = registry.peak_mib
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} CPUs, SQLite")
    print(f"an artifact of {arguments.mib} MiB, median of {arguments.rounds}\n")
    reference = statistics.median(timings["cp and sha256sum"])
    for what, values in timings.items():
        seconds = statistics.median(values)
        speed = arguments.mib / seconds
        print(f"{what:18} {seconds:7.2f} s {speed:8.0f} MiB/s {reference / seconds:6.2f} x")
    print(f"\ngoal: at least {GOAL} x")
    print(
        f"registry's memory: {peak_mib:.0f} MiB at most, {idle_mib:.0f} MiB before the first "
        f"(goal: {GOAL_MIB} MiB more at most; {peak_mib - idle_mib:.0f} were)"
    )


def _round(client: Client, folder: Path, mib: int) -> dict[str, float]:
    source, copied, fetched = folder / "source", folder / "copied", folder / "fetched"
    with source.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1024 * 1024))
    digest = Piece.of(source).digest  # and it is in the page cache

    def reference() -> None:
        subprocess.run(["cp", source, copied], check=True)  # noqa: S607
        subprocess.run(["sha256sum", copied], check=True, stdout=subprocess.DEVNULL)  # noqa: S607

    def upload() -> None:
        client.artifacts.send([Piece.of(source)], None, 3_600)

    def download() -> None:
        client.artifacts.fetch(digest, mib * 1024 * 1024, fetched, lambda _: None, 3_600)

    timed = {
        "cp and sha256sum": _seconds(reference),
        "upload": _seconds(upload),
        "download": _seconds(download),
    }
    for path in (source, copied, fetched):
        path.unlink()
    return timed


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
