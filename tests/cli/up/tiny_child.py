"""A child process that says it serves, and notes in a file when it is told to stop."""

from __future__ import annotations

import os
import signal
import sys
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


def main() -> None:
    if message := os.environ.get("REFUSES"):
        sys.exit(message)
    journal = Path(os.environ["JOURNAL"])
    refusing = journal.with_name("refuse-from-now-on")
    if refusing.exists():
        sys.exit("not again")
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(os.environ["LISTEN"])
    told = [signal.SIGTERM] if "STUBBORN" not in os.environ else [signal.SIGUSR1]
    if "STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, told)
    server.start()
    signal.sigwait(told)
    with journal.open("a") as file:
        file.write(f"{os.environ['NAME']}\n")
    server.stop(None)


if __name__ == "__main__":
    main()
