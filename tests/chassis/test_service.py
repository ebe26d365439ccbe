"""The life of a service, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PROGRAM = """
import asyncio
from contextlib import asynccontextmanager
from chassis import service, settings

class Settings(settings.ServiceSettings):
    how: str = "well"

async def fail():
    raise RuntimeError("the background broke")

async def forever():
    await asyncio.Event().wait()

@asynccontextmanager
async def app(settings, runtime):
    runtime.spawn(forever(), name="forever")
    async with runtime.background(forever(), name="background"):
        if settings.how == "badly":
            runtime.spawn(fail(), name="fail")
        print("entered", flush=True)
        yield
        print("left, draining:", runtime.draining.is_set(), flush=True)

service.main("trial", Settings, app)
"""


@contextmanager
def program(**environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "ALGOLINK_DRAIN_NOTICE_S": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def log_line(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    assert process.stderr is not None
    for line in process.stderr:
        entry: dict[str, Any] = json.loads(line)
        if entry["event"] == event:
            return entry
    raise AssertionError(f"the service ended without {event!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_exits_0(number: signal.Signals) -> None:
    with program() as process:
        log_line(process, "serving")

        process.send_signal(number)
        output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert output.splitlines() == ["entered", "left, draining: True"]


def test_a_background_task_that_fails_stops_the_service_loudly() -> None:
    with program(ALGOLINK_HOW="badly") as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert errors.splitlines()[-1] == "trial: the background broke"
    assert "Traceback" in errors


def test_settings_that_are_wrong_are_told_by_the_names_of_their_variables() -> None:
    with program(ALGOLINK_TRACE_SAMPLE_RATIO="2", ALGOLINK_LOG_LEVEL="LOUD") as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert len(errors.splitlines()) == 1
    assert "ALGOLINK_TRACE_SAMPLE_RATIO: " in errors
    assert "ALGOLINK_LOG_LEVEL: " in errors


def test_metrics_are_served_over_http() -> None:
    with program() as process:
        port = log_line(process, "metrics listening")["port"]
        log_line(process, "serving")

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
            assert response.status == 200


def test_a_service_whose_parent_is_gone_does_not_start() -> None:
    with program(ALGOLINK_PARENT_PID="1") as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "PARENT_GONE" in errors


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_service_ends_with_its_parent() -> None:
    launcher = (
        "import os, subprocess, sys\n"
        "os.environ['ALGOLINK_PARENT_PID'] = str(os.getpid())\n"
        "output, entry = os.pipe()\n"
        "command = [sys.executable, '-c', sys.argv[1]]\n"
        "subprocess.Popen(command, stdout=entry, pass_fds=[output])\n"
        "os.read(output, 1)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    # The child holds standard error open, so reading it ends when the child does.
    result = subprocess.run(
        [sys.executable, "-c", launcher, PROGRAM],
        env={**os.environ, "ALGOLINK_DRAIN_NOTICE_S": "0"},
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
    )

    assert json.loads(result.stderr.splitlines()[-1])["event"] == "stopped"
