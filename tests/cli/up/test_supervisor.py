from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from algolink.errors import DeadlineExceeded
from cli.up import ports
from cli.up.child import ChildFailed
from cli.up.children import ChildSpec
from cli.up.supervisor import Supervisor

HERE = str(Path(__file__).parent)


class Notes:
    """What a supervisor told, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._more.set()

    async def until(self, condition: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition(self.lines):
                self._more.clear()
                await self._more.wait()


def a_spec(folder: Path, name: str = "tiny", stage: int = 1, **environment: str) -> ChildSpec:
    (port,) = ports.allot([name], {}).values()
    return ChildSpec(
        name=name,
        module="tiny_child",
        environment={
            "PYTHONPATH": HERE,
            "NAME": name,
            "LISTEN": f"127.0.0.1:{port}",
            "JOURNAL": str(folder / "journal"),
            **environment,
        },
        health_address=f"127.0.0.1:{port}",
        log_file=folder / f"{name}.log",
        stop_stage=stage,
    )


@asynccontextmanager
async def supervising(
    *specs: ChildSpec, note: Notes, stop_grace_s: float = 20.0
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(specs, environment=os.environ, note=note, stop_grace_s=stop_grace_s)
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def test_children_are_stopped_stage_by_stage(tmp_path: Path) -> None:
    specs = [a_spec(tmp_path, "last", 3), a_spec(tmp_path, "first", 1), a_spec(tmp_path, "mid", 2)]

    async with supervising(*specs, note=Notes()) as supervisor:
        await supervisor.start(30)
        assert all(child.pid for child in supervisor.children)

    assert (tmp_path / "journal").read_text().split() == ["first", "mid", "last"]
    assert [child.pid for child in supervisor.children] == [None, None, None]


async def test_one_that_dies_is_started_again_and_reported(tmp_path: Path) -> None:
    notes = Notes()

    async with supervising(a_spec(tmp_path), note=notes) as supervisor:
        await supervisor.start(30)
        (child,) = supervisor.children
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await notes.until(lambda lines: len(lines) == 2)

        assert child.pid not in {None, first}
        assert child.restarts == 1
        assert notes.lines == [
            "tiny ended (killed by SIGKILL), restarting in 0.1 s",
            f"tiny serves again (pid {child.pid})",
        ]


async def test_one_that_served_is_started_again_until_it_serves(tmp_path: Path) -> None:
    notes = Notes()

    async with supervising(a_spec(tmp_path), note=notes) as supervisor:
        await supervisor.start(30)
        (child,) = supervisor.children
        refusing = tmp_path / "refuse-from-now-on"
        refusing.touch()
        os.kill(child.pid or 0, signal.SIGKILL)
        await notes.until(lambda lines: len(lines) == 2)
        refusing.unlink()
        await notes.until(lambda lines: lines[-1].startswith("tiny serves again"))

    assert "restarting in 0.2 s" in notes.lines[1]


async def test_one_that_never_served_fails_the_start_in_its_own_words(tmp_path: Path) -> None:
    spec = a_spec(tmp_path, REFUSES="the database is from the future [DATABASE_TOO_NEW]")

    async with supervising(spec, a_spec(tmp_path, "well"), note=Notes()) as supervisor:
        with pytest.raises(ChildFailed, match=r"tiny did not start: .*\[DATABASE_TOO_NEW\]"):
            await supervisor.start(30)

    assert [child.pid for child in supervisor.children] == [None, None]


async def test_a_start_that_takes_too_long_names_who_is_late(tmp_path: Path) -> None:
    async with supervising(a_spec(tmp_path, "late"), note=Notes()) as supervisor:
        with pytest.raises(DeadlineExceeded, match="late"):
            await supervisor.start(0.0)


async def test_one_that_does_not_stop_is_killed_and_reported(tmp_path: Path) -> None:
    notes = Notes()

    async with supervising(
        a_spec(tmp_path, STUBBORN="yes"), note=notes, stop_grace_s=0.1
    ) as supervisor:
        await supervisor.start(30)

    assert notes.lines == ["tiny did not stop within 0.1 s: killed"]
