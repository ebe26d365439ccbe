"""The agent as a process, with a real Envoy."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import grpc
import pytest

from algolink.experiment.v1 import facts_pb2, facts_pb2_grpc
from algolink.spool import lines
from mesh_agent.runs import SHARED_MEMORY
from tests.mesh import builders
from tests.mesh_agent.agents import Station
from tests.mesh_agent.builders import a_line

pytestmark = pytest.mark.e2e


async def test_every_prediction_is_shipped_with_its_assignment(station: Station) -> None:
    await station.start()

    request_ids = await station.predict(*[f"user-{i}" for i in range(50)])

    await builders.until(lambda: len(station.facts.kept) == 50)
    assert set(station.facts.kept) == set(request_ids)
    for index, request_id in enumerate(request_ids):
        fact = station.facts.kept[request_id]
        assert fact.unit == f"user-{index}"
        assert fact.experiment == "experiments/digits-1"
        assert fact.assigned_version == fact.answered_version
        assert fact.grpc_status == 0
        assert fact.http_status == 200
        assert 0 < fact.duration_us < 10_000_000


async def test_control_calls_reach_their_service_through_the_admin_listener(
    station: Station,
) -> None:
    await station.start()

    async with grpc.aio.insecure_channel(str(station.admin)) as channel:
        stub: Any = facts_pb2_grpc.FactServiceStub(channel)
        exposure = lines.exposure(a_line())
        answer = await stub.RecordExposures(
            facts_pb2.RecordExposuresRequest(exposures=[exposure], node="test"), timeout=10
        )

    assert answer.accepted == 1
    assert list(station.facts.kept) == [exposure.request_id]


async def test_secrets_are_the_owners_alone(station: Station, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("very-secret\n")
    await station.start(TOKEN_FILE=str(token))

    bootstrap = station.run_dir / "bootstrap.yaml"

    assert "Bearer very-secret" in bootstrap.read_text()
    assert stat.S_IMODE(bootstrap.stat().st_mode) == 0o600
    assert stat.S_IMODE((station.run_dir / "admin.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE(station.agent_dir.stat().st_mode) == 0o700
    assert set(station.control_plane.tokens) == {"Bearer very-secret"}


async def test_envoy_outlives_a_killed_agent_and_is_adopted(station: Station) -> None:
    agent = await station.start()
    envoy = station.envoy_pid
    agent.kill()
    await agent.wait()

    alone = await station.predict(*[f"user-{i}" for i in range(20)])
    await station.start()
    together = await station.predict(*[f"user-{i}" for i in range(20)])

    assert station.envoy_pid == envoy
    await builders.until(lambda: len(station.facts.kept) == 40)
    assert set(station.facts.kept) == {*alone, *together}


async def test_an_envoy_with_another_bootstrap_takes_over_without_a_gap(station: Station) -> None:
    agent = await station.start()
    first = station.envoy_pid
    agent.kill()
    await agent.wait()
    taken_over = asyncio.Event()

    async def ask(client: int) -> list[str]:
        asked: list[str] = []
        while not taken_over.is_set():
            # A channel each: the sockets that connections are taken from change hands.
            asked += await station.predict(f"user-{client}-{len(asked)}", patient=False)
        return asked

    async with asyncio.TaskGroup() as clients:
        asking = [clients.create_task(ask(client)) for client in range(4)]
        await station.start(NODE_ID="envoy-2")
        await builders.until(lambda: not _is_running(first))
        taken_over.set()

    request_ids = [request_id for task in asking for request_id in task.result()]
    assert station.envoy_pid != first
    await builders.until(lambda: set(station.facts.kept) == set(request_ids))
    assert not station.facts.conflicts
    await builders.until(lambda: len(list((station.agent_dir / "runs").iterdir())) == 1)
    assert not station.facts.reports


async def test_an_envoy_that_dies_is_started_again(station: Station) -> None:
    await station.start()
    envoy = station.envoy_pid

    os.kill(envoy, signal.SIGKILL)
    await builders.until(lambda: station.envoy_pid != envoy)
    await station.until_serving(True)

    assert await station.predict("user-1")
    assert "envoy died" in (station.folder / "agent.log").read_text()


async def test_a_stopping_agent_ends_envoy_and_ships_the_last_lines(station: Station) -> None:
    agent = await station.start()
    envoy = station.envoy_pid
    shared = SHARED_MEMORY / f"envoy_shared_memory_{(station.run_dir / 'base-id').read_text()}0"
    assert shared.exists()

    request_ids = await station.predict(*[f"user-{i}" for i in range(20)])
    agent.terminate()

    assert await agent.wait() == 0
    assert set(station.facts.kept) == set(request_ids)
    assert not _is_running(envoy)
    assert not list((station.agent_dir / "runs").iterdir())
    assert not shared.exists()


async def test_a_prediction_under_way_ends_before_envoy_does(station: Station) -> None:
    agent = await station.start()
    station.replica.hold.clear()
    prediction = asyncio.create_task(station.predict("user-1"))
    await builders.until(lambda: bool(station.replica.requests))

    agent.terminate()
    await station.until_serving(False)
    station.replica.hold.set()

    assert len(await prediction) == 1
    assert await agent.wait() == 0
    assert len(station.facts.kept) == 1


async def test_a_port_in_use_is_told_in_one_line(station: Station) -> None:
    with socket.socket() as taken:
        taken.bind((station.data.host, station.data.port))
        taken.listen()

        agent = await station.launch()

        assert await agent.wait() == 1
    last_line = (station.folder / "agent.log").read_text().splitlines()[-1]
    assert f"cannot listen on {station.data}" in last_line
    assert "Traceback" not in (station.folder / "agent.log").read_text()


async def test_a_second_agent_in_the_folder_is_refused(station: Station) -> None:
    await station.start()

    second = await station.launch(LISTEN="127.0.0.1:0")

    assert await second.wait() == 1
    assert "AGENT_RUNNING" in (station.folder / "agent.log").read_text().splitlines()[-1]
    assert await station.predict("user-1")


async def test_killed_agents_lose_and_double_nothing(station: Station) -> None:
    station.facts.failure_rate = 0.4
    request_ids: list[str] = []
    for _ in range(3):
        agent = await station.start(ROTATE_BYTES="20000")
        request_ids += await station.predict(*[f"user-{i}" for i in range(100)])
        agent.kill()
        await agent.wait()
    await station.start(ROTATE_BYTES="20000")

    await builders.until(lambda: len(station.facts.kept) == 300)
    assert set(station.facts.kept) == set(request_ids)
    assert not station.facts.conflicts
    assert station.facts.failures > 0


def _is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    # An adopted Envoy that ended may wait for a parent that never asks.
    return status.rpartition(")")[2].split()[0] != "Z"
