"""The service as a process over SQLite."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from chassis.channel import open_channel

TOKEN = "open-sesame"


def environment(folder: Path, registry_address: str) -> dict[str, str]:
    tokens = folder / "tokens"
    tokens.write_text(f"cli admin {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
    token = folder / "token"
    token.write_text(TOKEN)
    return os.environ | {
        "ALGOLINK_LISTEN": "127.0.0.1:0",
        "ALGOLINK_METRICS_LISTEN": "127.0.0.1:0",
        "ALGOLINK_TOKENS_FILE": str(tokens),
        "ALGOLINK_TOKEN_FILE": str(token),
        "ALGOLINK_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/experiment.db",
        "ALGOLINK_REGISTRY_ADDRESS": registry_address,
        "ALGOLINK_DECISION_PERIOD_S": "0.05",
        "ALGOLINK_DRAIN_NOTICE_S": "0",
        "ALGOLINK_PARENT_PID": str(os.getpid()),
    }


async def spawn(env: dict[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "experiment_svc", env=env, stderr=PIPE
    )


@asynccontextmanager
async def running(env: dict[str, str]) -> AsyncIterator[tuple[Process, grpc.aio.Channel]]:
    """A process that serves, and a channel to it; killed when left, if it is still there."""
    process = await spawn(env)
    assert process.stderr is not None
    try:
        port = 0
        while True:
            line = json.loads(await process.stderr.readline())
            if line["event"] == "grpc listening":
                port = line["port"]
            if line["event"] == "serving":
                break
        drained = asyncio.create_task(process.stderr.read())  # a full pipe would stop it
        async with open_channel(f"127.0.0.1:{port}", TOKEN) as channel:
            yield process, channel
        if process.returncode is None:
            process.kill()
        await drained
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
