"""What Envoy logged and could not keep is counted and reported, with a real Envoy."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from algolink.experiment.v1 import losses_pb2
from tests.mesh import builders
from tests.mesh_agent.agents import Station

pytestmark = pytest.mark.e2e

EXPERIMENT = "experiments/digits-1"


def last(station: Station) -> losses_pb2.Loss | None:
    """What the latest report says of the experiment."""
    if not station.facts.reports:
        return None
    found = [loss for loss in station.facts.reports[-1].losses if loss.experiment == EXPERIMENT]
    return found[0] if found else None


def settled(station: Station, lost: int) -> bool:
    loss = last(station)
    return loss is not None and loss.exposures == lost and not loss.at_least


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The agent's folder, on a file system of 1 MB of its own."""
    folder = tmp_path / "mesh"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a file system")
    yield folder
    # What was ended in it may take a moment to be gone.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_what_a_full_disk_swallows_is_counted_exactly(
    small_disk: Path, station: Station
) -> None:
    await station.start()
    request_ids = await station.predict(*[f"user-{i}" for i in range(50)])
    await builders.until(lambda: len(station.facts.kept) == 50)

    with (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            try:
                filler.write(bytes(512))
            except OSError:
                break
    request_ids += await station.predict(*[f"full-{i}" for i in range(60)])
    await builders.until(lambda: bool(station.facts.reports))
    alarm = last(station)
    (small_disk / "filler").unlink()
    request_ids += await station.predict(*[f"after-{i}" for i in range(40)])

    await builders.until(lambda: settled(station, len(request_ids) - len(station.facts.kept)))
    assert alarm is not None
    assert alarm.at_least
    assert "could not write its log" in station.facts.reports[0].cause
    assert set(station.facts.kept) < set(request_ids)
    assert {fact.unit for fact in station.facts.kept.values()} >= {
        f"after-{i}" for i in range(1, 40)
    }
    assert not station.facts.conflicts
    assert "exposures lost" in (station.folder / "agent.log").read_text()


async def test_a_killed_envoy_reports_what_nobody_has_counted(station: Station) -> None:
    metrics_port = builders.free_port()
    await station.start(METRICS_LISTEN=f"127.0.0.1:{metrics_port}")
    request_ids = await station.predict(*[f"user-{i}" for i in range(30)])
    killed = station.envoy_pid

    os.kill(killed, signal.SIGKILL)
    await builders.until(lambda: last(station) is not None)
    await station.until_serving(True)
    request_ids += await station.predict("after")
    await builders.until(lambda: request_ids[-1] in station.facts.kept)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{metrics_port}/metrics") as answer,
    ):
        metrics = await answer.text()

    for name in ("age_seconds", "lag_bytes", "shipped_total", "lost_total", "alarms_total"):
        assert f"algolink_mesh_exposures_{name}" in metrics
    assert "algolink_mesh_exposures_alarms_total 1.0" in _without_labels(metrics)
    loss = last(station)
    assert loss is not None
    assert loss.at_least
    assert len(station.facts.kept) + loss.exposures <= len(request_ids)
    assert "was killed" in station.facts.reports[-1].cause
    await builders.until(lambda: len(list((station.agent_dir / "runs").iterdir())) == 1)


async def test_an_envoy_that_is_killed_while_idle_loses_nothing_of_other_times(
    station: Station,
) -> None:
    await station.start()
    killed = station.envoy_pid

    os.kill(killed, signal.SIGKILL)
    await builders.until(lambda: station.envoy_pid != killed)
    await station.until_serving(True)
    await station.predict("user-1")

    await builders.until(lambda: len(station.facts.kept) == 1)
    await builders.until(lambda: len(list((station.agent_dir / "runs").iterdir())) == 1)
    assert not station.facts.reports


async def test_a_kill_of_both_is_found_by_the_next_agent(station: Station) -> None:
    agent = await station.start()
    await station.predict("user-1")
    await builders.until(lambda: len(station.facts.kept) == 1)
    killed = station.envoy_pid
    agent.kill()
    await agent.wait()
    os.kill(killed, signal.SIGKILL)

    await station.start()

    await builders.until(lambda: last(station) is not None)
    loss = last(station)
    assert loss is not None
    assert (loss.exposures, loss.at_least) == (0, True)


async def test_a_backlog_over_its_limit_is_given_up_file_by_file_and_counted(
    station: Station,
) -> None:
    station.facts.failure_rate = 1.0
    await station.start(ROTATE_BYTES="20000", BACKLOG_BYTES="60000")
    request_ids: list[str] = []
    for part in range(6):
        request_ids += await station.predict(*[f"user-{part}-{i}" for i in range(60)])
        await asyncio.sleep(0)
    await builders.until(lambda: "given up" in (station.folder / "agent.log").read_text())
    await builders.until(lambda: station.log_bytes() <= 60_000 + 40_000)

    station.facts.failure_rate = 0.0

    await builders.until(lambda: settled(station, len(request_ids) - len(station.facts.kept)))
    assert "given up" in station.facts.reports[0].cause
    assert 0 < len(station.facts.kept) < len(request_ids)
    assert not station.facts.conflicts


def _without_labels(metrics: str) -> str:
    return re.sub(r"\{[^}]*\}", "", metrics)
