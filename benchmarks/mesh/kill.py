"""From the command to the last request that a killed version takes.

    python -m benchmarks.mesh.kill [--rounds 20] [--concurrency 8]

It starts a stack on free ports, sends requests that name version 2 without
pause, kills the version, and measures when the last of the requests that it
answered had been sent; then it revives the version and does so again. Requests
by the other version must not notice: the number of those that failed is printed
too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from algolink.client import AsyncClient
from algolink.errors import AlgoLinkError, FailedPrecondition
from examples.digits.stack import running_stack
from examples.digits.train import train

MODEL = "digits"


@dataclass
class Load:
    """What a version's requests met.

    Attributes:
        accepted_s: when each answered request was sent, on the performance clock.
        refused: how many were told FAILED_PRECONDITION.
        failures: what else went wrong.
    """

    accepted_s: list[float] = field(default_factory=list)
    refused: int = 0
    failures: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--concurrency", type=int, default=8)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.rounds, arguments.concurrency))


async def measure(rounds: int, concurrency: int) -> None:
    training = train()
    image = training.images[:1]
    with tempfile.TemporaryDirectory() as folder:
        async with (
            running_stack(Path(folder) / "data", replicas=2, keep=False) as stack,
            AsyncClient(
                stack.admin_endpoint, data_endpoint=stack.data_endpoint, token=stack.token
            ) as client,
        ):
            await client.push(training.champion.onnx, name=MODEL)
            await client.push(training.challenger.onnx, name=MODEL)
            await client.traffic.shift(MODEL, {1: 5_000, 2: 5_000})
            killed, other = Load(), Load()
            async with (
                requests(client, image, 2, killed, concurrency),
                requests(client, image, 1, other, 2),
            ):
                measured = [await one_round(client, killed) for _ in range(rounds)]
    last_ms = sorted(1_000 * last for last, _ in measured)
    command_ms = sorted(1_000 * whole for _, whole in measured)
    print(f"{platform.node()}, {os.cpu_count()} cores: {rounds} kills under load")
    print(f"command to last accepted request: {shown(last_ms)}")
    print(f"command to every Envoy's acknowledgement, as the client waits: {shown(command_ms)}")
    print(
        f"{len(other.accepted_s)} requests of the other version, "
        f"{len(other.failures)} failed; {len(killed.failures)} of the killed one failed otherwise"
    )


async def one_round(client: AsyncClient, load: Load) -> tuple[float, float]:
    """Seconds from the command to the last accepted request, and to the end of the wait."""
    enough = len(load.accepted_s) + 50
    await until(lambda: len(load.accepted_s) >= enough)
    began = time.perf_counter()
    await client.traffic.kill(MODEL, 2)
    whole = time.perf_counter() - began
    refused = load.refused + 50
    await until(lambda: load.refused >= refused)
    last = max(0.0, max(load.accepted_s) - began)
    await client.traffic.revive(MODEL, 2)
    return last, whole


@contextlib.asynccontextmanager
async def requests(
    client: AsyncClient, image: npt.NDArray[np.float32], version: int, load: Load, concurrency: int
) -> AsyncIterator[None]:
    """Requests that name a version, without pause, while the block runs."""

    async def one_client() -> None:
        while True:
            sent = time.perf_counter()
            try:
                await client.predict(MODEL, image, version=version)
            except FailedPrecondition:
                load.refused += 1
            except AlgoLinkError as error:
                load.failures.append(str(error))
            else:
                load.accepted_s.append(sent)

    tasks = [asyncio.create_task(one_client()) for _ in range(concurrency)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Waits until `condition()` holds; the load fails to come after a minute."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - it changes beside us
            await asyncio.sleep(0.002)


def shown(sorted_ms: list[float]) -> str:
    return f"median {statistics.median(sorted_ms):.0f} ms, max {sorted_ms[-1]:.0f} ms"


if __name__ == "__main__":
    main()
