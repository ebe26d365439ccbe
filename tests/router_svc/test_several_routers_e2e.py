"""Several routers over one database: any of them may die, traffic and changes go on."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import grpc
import pytest

from algolink import split
from algolink.router.v1 import fleet_pb2, fleet_pb2_grpc
from algolink.router.v1 import traffic_pb2 as pb
from tests.router_svc.builders import a_model, a_version
from tests.router_svc.envoy_script import ScriptedEnvoy
from tests.router_svc.installation import Installation, installation
from tests.router_svc.neighbours import until

pytestmark = pytest.mark.e2e


async def serve_digits(running: Installation) -> None:
    running.neighbours.show_model(a_model(champion=1, aliases={"canary": 2}))
    await running.all_connected()
    await running.live(running.others()[0])


async def shift(running: Installation, router: str, challenger_bp: int) -> pb.Traffic:
    """Shifts by one router, and returns once another one says that it is done."""
    decided = await running.traffic(router).ShiftTraffic(
        pb.ShiftTrafficRequest(
            model="digits", weights_bp={1: split.BUCKETS - challenger_bp, 2: challenger_bp}
        )
    )
    shown = await running.live(running.others(router)[0], decided)
    assert shown.shift.weights_bp[2] == challenger_bp
    return shown


async def agrees(running: Installation, shown: pb.Traffic) -> None:
    """Every Envoy sends each unit where the bucket function says."""
    arms = {s.arm: s.version for s in shown.shift.segments}
    table = split.Table(tuple(split.Segment(s.start, s.end, s.arm) for s in shown.shift.segments))
    for number in range(50):
        unit = f"unit-{number}"
        version = arms[table.arm_of(split.bucket(shown.shift.salt, unit))]
        for envoy_id in running.inference:
            assert await running.predict(envoy_id, unit) == str(version)


async def test_killing_the_one_that_composes_and_one_that_follows_loses_no_request(
    tmp_path: Path, postgres_url: str
) -> None:
    async with installation(tmp_path, postgres_url, router_lease_s=1.5) as running:
        await serve_digits(running)
        composer = await running.composer()
        async with running.load() as load:
            await shift(running, running.others(composer)[0], 1_000)
            await running.routers[composer].kill()
            successor = await running.composer(but=composer)
            await agrees(running, await shift(running, running.others(successor)[0], 2_000))
            await running.routers[composer].start()
            await running.all_connected()

            follower = running.others(successor)[0]
            await running.routers[follower].kill()
            await agrees(running, await shift(running, running.others(successor)[0], 3_000))
            decided = await running.traffic(running.others(successor)[0]).KillVersion(
                pb.KillVersionRequest(model="digits", version=2)
            )
            await running.live(successor, decided)
            killed = len(load.versions) + len(running.inference)
            await until(lambda: len(load.versions) > killed + 50)
            assert set(load.versions[killed:]) == {"1"}
            await running.routers[follower].start()
            await running.all_connected()

        assert load.failures == []


async def test_one_that_was_paused_for_longer_than_its_lease_writes_no_more(
    tmp_path: Path,
) -> None:
    one_file = f"sqlite+aiosqlite:///{tmp_path / 'router.db'}"
    async with installation(tmp_path, one_file, routers=2, envoys=1, router_lease_s=1.0) as running:
        await serve_digits(running)
        composer = await running.composer()
        (other,) = running.others(composer)
        async with running.load() as load:
            running.routers[composer].send(signal.SIGSTOP)

            async def took_over() -> bool:
                fleet = await running.fleet(other)
                return fleet is not None and any(
                    r.composing and r.id == other for r in fleet.routers
                )

            try:
                await until(took_over)
                decided = await running.traffic(other).ShiftTraffic(
                    pb.ShiftTrafficRequest(model="digits", weights_bp={1: 4_000, 2: 6_000})
                )
                await running.live(other, decided)
            finally:
                running.routers[composer].send(signal.SIGCONT)
            assert await running.composer() == other
            shown = await running.live(composer, decided)
            assert shown.shift.weights_bp[2] == 6_000
            await running.all_connected()
            await agrees(running, await shift(running, composer, 7_000))

        assert load.failures == []


async def test_an_envoy_that_is_away_keeps_its_version_loaded_until_it_is_removed(
    tmp_path: Path, postgres_url: str
) -> None:
    async with installation(
        tmp_path, postgres_url, routers=2, envoys=1, unload_delay_s=0.05
    ) as running:
        await serve_digits(running)
        stub = fleet_pb2_grpc.FleetServiceStub(running.lines["router-2"])
        with pytest.raises(grpc.aio.AioRpcError) as connected:
            await stub.RemoveEnvoy(fleet_pb2.RemoveEnvoyRequest(id="envoy-1"))
        assert connected.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        async with asyncio.timeout(20):
            await _register_and_leave(running, "away")

        running.neighbours.show_model(a_model(champion=1, revision=2))
        await running.live("router-1")
        for announcer in running.announcers:
            assert a_version(2) in announcer.wanted

        async def removed() -> bool:
            try:
                await stub.RemoveEnvoy(fleet_pb2.RemoveEnvoyRequest(id="away"))
            except grpc.aio.AioRpcError as error:
                return error.code() is grpc.StatusCode.NOT_FOUND
            return False

        await until(removed)
        await until(lambda: all(a_version(2) not in a.wanted for a in running.announcers))


async def _register_and_leave(running: Installation, node: str) -> None:
    """An Envoy that takes a table from one router, and is gone."""
    async with ScriptedEnvoy.connected(running.lines["router-1"], node) as envoy:
        await envoy.take_all()

        async def known_elsewhere() -> bool:
            fleet = await running.fleet("router-2")
            return fleet is not None and any(
                e.id == node and e.acknowledged_table > 0 for e in fleet.envoys
            )

        await until(known_elsewhere)
