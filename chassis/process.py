"""Ties a child process to its parent's life."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from algolink.errors import FailedPrecondition

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Asks Linux for SIGTERM when the parent dies; elsewhere only checks it.

    Args:
        parent_pid: process that started this one; 0 does nothing.

    Raises:
        FailedPrecondition: PARENT_GONE, if it is not the parent any more.
    """
    if parent_pid == 0:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # Checked second: a parent that died before the call above sends no signal.
    if os.getppid() != parent_pid:
        raise FailedPrecondition(
            "PARENT_GONE", f"the parent process {parent_pid} is gone", parent_pid=parent_pid
        )
