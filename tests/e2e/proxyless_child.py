"""A process that predicts without a proxy, for as long as it is told to.

Usage: python -m tests.e2e.proxyless_child sync|aio ENDPOINT SPOOL < requests

Each line on stdin is a request as JSON, `{"model", "unit", "attributes", "version"}`;
each on stdout what became of it. gRPC's xDS client is one a process, so tests that
have routers of their own have processes of their own, too. The token comes in the
environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from algolink.client import Prediction
from algolink.errors import AlgoLinkError
from algolink.proxyless import AsyncProxylessClient, ProxylessClient

X = [[0.0] * 64]


def _arguments(line: str) -> dict[str, Any]:
    asked = json.loads(line)
    return {"name": asked.pop("model"), "x": asked.pop("x", X), **asked}


def _told(answer: Prediction) -> None:
    _say(
        {
            "version": answer.version,
            "arm": answer.arm,
            "experiment": answer.experiment,
            "request_id": answer.request_id,
        }
    )


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def blocking(endpoint: str, spool: str) -> None:
    with ProxylessClient(endpoint, spool_dir=spool) as client:
        _say({"ready": True})
        for line in sys.stdin:
            try:
                _told(client.predict(**_arguments(line), timeout_s=30))
            except AlgoLinkError as error:
                _say({"error": error.reason})


async def awaited(endpoint: str, spool: str) -> None:
    async with AsyncProxylessClient(endpoint, spool_dir=spool) as client:
        _say({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                _told(await client.predict(**_arguments(line), timeout_s=30))
            except AlgoLinkError as error:
                _say({"error": error.reason})


if __name__ == "__main__":
    kind, where, folder = sys.argv[1:]
    if kind == "sync":
        blocking(where, folder)
    else:
        asyncio.run(awaited(where, folder))
