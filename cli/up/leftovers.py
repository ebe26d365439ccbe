"""Processes of an earlier run on the same data folder that outlived it.

They are known by a variable in their environment (and Envoy, whose environment
is its agent's choice, by the folder in its arguments), so a pid that is now
somebody else's is never touched.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

MARK = "ALGOLINK_DATA_FOLDER"

_POLL_S = 0.05


def find(root: Path, proc: Path = Path("/proc")) -> list[int]:
    """Pids of processes that belong to the stack of `root`; none where there is no /proc."""
    found = []
    for entry in proc.glob("[0-9]*"):
        pid = int(entry.name)
        if pid != os.getpid() and _belongs(entry, root):
            found.append(pid)
    return sorted(found)


def end(root: Path, *, grace_s: float, proc: Path = Path("/proc")) -> int:
    """Ends them, politely first; how many there were."""
    pids = find(root, proc)
    _signal(pids, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while (left := find(root, proc)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    _signal(left, signal.SIGKILL)
    while left and find(root, proc) and time.monotonic() < deadline + grace_s:
        time.sleep(_POLL_S)
    return len(pids)


def _belongs(entry: Path, root: Path) -> bool:
    try:
        if entry.joinpath("stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z":
            return False
        environment = entry.joinpath("environ").read_bytes().split(b"\0")
        arguments = entry.joinpath("cmdline").read_bytes().split(b"\0")
    except OSError:
        return False  # it has just ended, or is another user's
    if f"{MARK}={root}".encode() in environment:
        return True
    is_envoy = os.path.basename(arguments[0]).startswith(b"envoy")
    return is_envoy and any(f"{root}/".encode() in argument for argument in arguments[1:])


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
