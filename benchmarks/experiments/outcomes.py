"""How fast outcomes are stored durably, from several clients at once.

    python -m benchmarks.experiments.outcomes [--outcomes 200000] [--clients 4]

It serves the real service over SQLite in a temporary folder, on loopback; clients
and server share the machine. Every outcome that is acknowledged is looked for in
the database afterwards. Memory is the server's, after the first tenth and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc

from algolink.experiment.v1 import facts_pb2 as pb
from algolink.experiment.v1 import facts_pb2_grpc
from chassis.database import open_engine
from experiment_svc.intake import OutcomeIntake
from experiment_svc.servicer_facts import FactServicer
from experiment_svc.store_sql import SqlStore

BATCH = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outcomes", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--send", help=argparse.SUPPRESS)
    parser.add_argument("--how", choices=["stream", "calls"], help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(_serve(arguments.serve))
    elif arguments.send:
        send = _stream if arguments.how == "stream" else _calls
        print("ready", flush=True)
        sys.stdin.readline()
        asyncio.run(send(arguments.send, arguments.name, arguments.outcomes))
        print("done", flush=True)
    else:
        _measure(arguments.outcomes, arguments.clients)


def _measure(count: int, clients: int) -> None:
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z, {os.cpu_count()} CPUs, {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite, {clients} clients included"
    )
    for how in ("calls", "stream"):
        with tempfile.TemporaryDirectory() as folder, _server(folder) as (address, server):
            _send_all(address, how, "warm", count // 10, clients)
            before_mib = _resident_mib(server)
            spent_s = _send_all(address, how, "real", count, clients)
            after_mib = _resident_mib(server)
            stored = asyncio.run(_stored(folder))
        sent = (count // clients + count // 10 // clients) * clients
        print(
            f"by {how:7} {count // clients * clients / spent_s:>10,.0f} outcomes/s, "
            f"memory {before_mib:.0f} -> {after_mib:.0f} MiB, lost or twice {abs(sent - stored)}"
        )


def _send_all(address: str, how: str, name: str, count: int, clients: int) -> float:
    """Sends from processes of their own, which begin together once all have started.

    Returns:
        Seconds until the last outcome was acknowledged.
    """
    senders = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.experiments.outcomes"),
                *("--send", address, "--how", how, "--name", f"{name}-{number}"),
                *("--outcomes", str(count // clients)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(clients)
    ]
    for sender in senders:
        _told(sender)
    began = time.perf_counter()
    for sender in senders:
        if sender.stdin is not None:
            sender.stdin.write("go\n")
            sender.stdin.flush()
    done = [_told(sender) for sender in senders]
    spent_s = time.perf_counter() - began
    for sender in senders:
        sender.communicate()
    if done != ["done"] * clients:
        raise SystemExit("a client failed")
    return spent_s


def _told(sender: subprocess.Popen[str]) -> str:
    """The next line of a client; empty if it has ended."""
    return sender.stdout.readline().strip() if sender.stdout else ""


async def _stream(address: str, name: str, count: int) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = facts_pb2_grpc.FactServiceStub(channel)
        accepted = 0
        async for answer in stub.StreamOutcomes(_batches(name, count)):
            accepted += answer.recorded.accepted
    _check(accepted, count)


async def _calls(address: str, name: str, count: int) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = facts_pb2_grpc.FactServiceStub(channel)
        accepted = 0
        async for batch in _batches(name, count):
            accepted += (await stub.RecordOutcomes(batch)).accepted
    _check(accepted, count)


def _check(accepted: int, count: int) -> None:
    if accepted != count:
        raise SystemExit(f"{accepted} of {count} outcomes were accepted")


async def _batches(name: str, count: int) -> AsyncIterator[pb.RecordOutcomesRequest]:
    for start in range(0, count, BATCH):
        yield pb.RecordOutcomesRequest(
            outcomes=[
                pb.Outcome(
                    event_id=f"{name}-{number}",
                    unit=f"user-{number % 100_000}",
                    metric="revenue",
                    value=float(number % 97),
                )
                for number in range(start, min(start + BATCH, count))
            ]
        )


@contextmanager
def _server(folder: str) -> Iterator[tuple[str, int]]:
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.experiments.outcomes", "--serve", folder],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if server.stdout is None:
            raise SystemExit("the server has no output")
        yield server.stdout.readline().strip(), server.pid
    finally:
        server.terminate()
        server.wait()


async def _serve(folder: str) -> None:
    async with open_engine(_url(folder), migrations="experiment_svc.migrations") as engine:
        store = SqlStore(engine)
        server = grpc.aio.server()
        facts_pb2_grpc.add_FactServiceServicer_to_server(
            FactServicer(
                store,
                OutcomeIntake(store),
                now=lambda: datetime.now(UTC),
                draining=asyncio.Event(),
            ),
            server,
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(f"127.0.0.1:{port}", flush=True)
        await server.wait_for_termination()


async def _stored(folder: str) -> int:
    async with (
        open_engine(_url(folder), migrations="experiment_svc.migrations") as engine,
        SqlStore(engine).reading() as reading,
    ):
        return await reading.facts_accepted()


def _url(folder: str) -> str:
    return f"sqlite+aiosqlite:///{Path(folder).resolve()}/experiment.db"


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    main()
