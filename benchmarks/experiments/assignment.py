"""How fast units are assigned: in this process, by a stream of batches, one by one.

    python -m benchmarks.experiments.assignment [--units 1000000] [--calls 5000]

It serves the real service over a store in memory, on loopback; client and server
share the machine. Every answer is compared with the bucket function.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import grpc

from algolink import split
from algolink.assignment import Plan, assign_many
from algolink.experiment.v1 import assignment_pb2 as pb
from algolink.experiment.v1 import assignment_pb2_grpc
from algolink.names import ExperimentName, ModelName
from experiment_svc.assigning import Plans, plan_of
from experiment_svc.domain import experiments
from experiment_svc.domain.design import Analysis, Arm, UnitKind
from experiment_svc.domain.metrics import Aggregation, Direction, Kind, Measure, Metric, Role
from experiment_svc.servicer_assignment import AssignmentServicer
from experiment_svc.store_memory import MemoryStore

NAME = "experiments/bench"
BATCH = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(_serve())
    else:
        asyncio.run(_measure(arguments.units, arguments.calls))


async def _measure(count: int, calls: int) -> None:
    units = [f"user-{number}" for number in range(count)]
    plan = plan_of(_experiment())
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z, {os.cpu_count()} CPUs, {platform.machine()}, "
        f"Python {platform.python_version()}, client included"
    )
    began = time.perf_counter()
    here = assign_many(plan, units).tolist()
    print(f"in process    {count / (time.perf_counter() - began):>12,.0f} units/s")
    with _server() as address:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = assignment_pb2_grpc.AssignmentServiceStub(channel)
            began = time.perf_counter()
            streamed = [
                index
                async for answer in stub.StreamAssignments(_batches(units))
                for index in answer.arm_indexes
            ]
            print(f"by a stream   {count / (time.perf_counter() - began):>12,.0f} units/s")
            latencies_s = await _one_by_one(stub, units[:calls], plan)
    quantiles = statistics.quantiles(latencies_s, n=100)
    print(f"one by one    {1e6 * quantiles[49]:>12,.0f} us p50, {1e6 * quantiles[98]:,.0f} us p99")
    print(f"wrong answers {sum(a != b for a, b in zip(here, streamed, strict=True)):>12,}")


async def _one_by_one(
    stub: assignment_pb2_grpc.AssignmentServiceStub, units: Sequence[str], plan: Plan
) -> list[float]:
    latencies_s = []
    for unit in units:
        began = time.perf_counter()
        found = await stub.Assign(pb.AssignRequest(experiment=NAME, unit=unit))
        latencies_s.append(time.perf_counter() - began)
        if found.bucket != split.bucket(plan.salt, unit):
            raise SystemExit(f"{unit} is said to be in bucket {found.bucket}")
    return latencies_s


async def _batches(units: Sequence[str]) -> AsyncIterator[pb.AssignUnitsRequest]:
    for start in range(0, len(units), BATCH):
        yield pb.AssignUnitsRequest(experiment=NAME, units=units[start : start + BATCH])


@contextmanager
def _server() -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.experiments.assignment", "--serve"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if server.stdout is None:
            raise SystemExit("the server has no output")
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


async def _serve() -> None:
    store = MemoryStore()
    async with store.transaction() as tx:
        await tx.add_experiment(_experiment())
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 16 << 20)])
    assignment_pb2_grpc.add_AssignmentServiceServicer_to_server(
        AssignmentServicer(Plans(store), asyncio.Event()), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


def _experiment() -> experiments.Experiment:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    metric = Metric(
        name="m",
        kind=Kind.MEAN,
        aggregation=Aggregation.MEAN,
        direction=Direction.INCREASE,
        outcome="m",
    )
    draft = experiments.draft(
        name=ExperimentName("bench"),
        model=ModelName("bench"),
        arms=[
            Arm(id="champion", version=1, weight_bp=9_000),
            Arm(id="challenger", version=2, weight_bp=1_000),
        ],
        unit=UnitKind.HEADER,
        measures=[Measure(metric=metric, role=Role.PRIMARY)],
        analysis=Analysis(),
        rule=None,
        description="",
        suffix="0a1b2c3d",
        at=at,
    )
    return experiments.start(draft, at=at)


if __name__ == "__main__":
    main()
