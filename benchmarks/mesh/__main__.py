"""How fast changes reach requests, and what the mesh costs them.

    python -m benchmarks.mesh [few] [many] [chain] [flips] [kill]

Starts what it needs on free ports, measures the parts that are named (all of them
without a name), prints a line each as soon as it has it, and stops everything. What
is aimed at stands in parentheses.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.mesh import chain, changes, flips, kill

Lines = list[tuple[str, str]]


async def _few(folder: Path, arguments: argparse.Namespace) -> Lines:
    return (await changes.measure(folder, models=1, changes=arguments.changes)).lines()


async def _many(folder: Path, arguments: argparse.Namespace) -> Lines:
    measured = await changes.measure(folder, models=arguments.models, changes=arguments.changes)
    return measured.lines()


async def _chain(folder: Path, arguments: argparse.Namespace) -> Lines:
    measured = await chain.measure(folder, rounds=arguments.rounds, seconds=arguments.seconds)
    return measured.lines()


async def _flips(folder: Path, arguments: argparse.Namespace) -> Lines:
    return (await flips.measure(folder, flips=arguments.flips, rate=500)).lines()


async def _kill(_folder: Path, arguments: argparse.Namespace) -> Lines:
    await kill.measure(arguments.kills, concurrency=8)
    return []


PARTS: dict[str, Callable[[Path, argparse.Namespace], Awaitable[Lines]]] = {
    "few": _few,
    "many": _many,
    "chain": _chain,
    "flips": _flips,
    "kill": _kill,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--models", type=int, default=5_000, help="of part many")
    parser.add_argument("--changes", type=int, default=50, help="of parts few and many")
    parser.add_argument("--rounds", type=int, default=5, help="of part chain")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round of part chain")
    parser.add_argument("--flips", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=20)
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - PARTS.keys()
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    machine = f"{platform.node()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}, {now:%Y-%m-%d %H:%M}Z", flush=True)
    for name in arguments.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="bench-mesh-") as folder:
            for what, measured in await PARTS[name](Path(folder), arguments):
                print(f"{what:<56} {measured}", flush=True)


if __name__ == "__main__":
    main()
