"""What a kill at any moment leaves."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_MEMORY = Path("/dev/shm")  # noqa: S108 - hundreds of databases, each synced often
_AT_ONCE = 2


@pytest.mark.timeout(600)
def test_after_a_kill_at_any_operation_everything_holds_and_the_work_goes_on() -> None:
    with ExitStack() as stack:
        sweeps = []
        for first in range(1, _AT_ONCE + 1):
            folder = stack.enter_context(
                TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
            )
            command = [sys.executable, "-m", "tests.registry_svc.crashes", folder]
            sweep = subprocess.Popen(
                [*command, str(first), str(_AT_ONCE)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(sweep.kill)
            sweeps.append(sweep)
        answers = [sweep.communicate() for sweep in sweeps]

    points = 0
    for sweep, (said, wrong) in zip(sweeps, answers, strict=True):
        assert sweep.returncode == 0, wrong
        points += int(said.split()[0])
    assert points > 100
