"""Shifts, kills and freezes with a real Envoy, under load."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from algolink import split
from algolink.router.v1 import router_pb2
from algolink.router.v1 import traffic_pb2 as pb
from algolink.router.v1.traffic_pb2_grpc import TrafficServiceStub
from tests.router_svc.builders import a_model, a_version, an_experiment
from tests.router_svc.neighbours import until
from tests.router_svc.stack import Stack, stack

pytestmark = pytest.mark.e2e


@dataclass
class Operated:
    """A stack that serves two versions of digits, and an operator."""

    stack: Stack
    traffic: TrafficServiceStub

    async def live(self, decided: pb.Traffic) -> pb.Traffic:
        """What is decided, once Envoy does it."""
        shown = decided

        async def done() -> bool:
            nonlocal shown
            shown = await self.traffic.GetTraffic(pb.GetTrafficRequest(model="digits"))
            return bool(shown.live)

        await until(done)
        return shown

    async def agrees(self, units: range) -> set[str]:
        """Versions that answer these units, each checked against the explanation."""
        answers = set()
        for number in units:
            explained = await self.stack.routes.Explain(
                router_pb2.ExplainRequest(model="digits", unit=f"unit-{number}")
            )
            answer = await self.stack.predict(f"unit-{number}")
            assert answer == str(explained.version)
            answers.add(answer)
        return answers


@contextlib.asynccontextmanager
async def operated(folder: Path) -> AsyncIterator[Operated]:
    async with stack(folder) as running:
        running.neighbours.show_model(a_model(champion=1, aliases={"canary": 2}))
        await running.until_live(champion=1)
        yield Operated(running, TrafficServiceStub(running.control))


async def test_shifts_under_load_fail_nothing_and_follow_the_bucket_function(
    tmp_path: Path,
) -> None:
    async with operated(tmp_path) as operator:
        async with operator.stack.load() as load:
            for share in (1_000, 3_000, 8_000, 500, 4_000):
                shown = await operator.live(
                    await operator.traffic.ShiftTraffic(
                        pb.ShiftTrafficRequest(
                            model="digits", weights_bp={1: 10_000 - share, 2: share}
                        )
                    )
                )
            await until(lambda: "2" in load.versions)

        assert load.failures == []
        table = split.Table(
            tuple(split.Segment(s.start, s.end, s.arm) for s in shown.shift.segments)
        )
        for number in range(300):
            arm = table.arm_of(split.bucket(shown.shift.salt, f"unit-{number}"))
            assert f"v{await operator.stack.predict(f'unit-{number}')}" == arm
        assert await operator.agrees(range(40)) == {"1", "2"}


async def test_a_kill_under_load_is_followed_at_once_and_by_everybody(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with operated(tmp_path) as operator:
        operator.stack.neighbours.show_experiment(
            an_experiment(weights={"control": 5_000, "challenger": 5_000})
        )
        async with operator.stack.load() as load:
            await until(lambda: load.versions.count("2") > 20)
            began = time.perf_counter()
            killed = await operator.traffic.KillVersion(
                pb.KillVersionRequest(model="digits", version=2, reason="it is wrong")
            )
            await operator.live(killed)
            record_property("kill_to_acknowledged_ms", 1_000 * (time.perf_counter() - began))
            asked_before = len(load.versions) + 4  # one under way for each worker
            await until(lambda: len(load.versions) > asked_before + 100)

        assert load.failures == []
        assert set(load.versions[asked_before:]) == {"1"}
        assert await operator.agrees(range(40)) == {"1"}
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await operator.stack.predict("unit-1", version=2)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "version 2 of model digits is killed" in str(caught.value.details())


async def test_a_champion_is_killed_under_load_and_revived(tmp_path: Path) -> None:
    async with operated(tmp_path) as operator:
        async with operator.stack.load() as load:
            killed = await operator.traffic.KillVersion(
                pb.KillVersionRequest(model="digits", version=1, replacement=2)
            )
            await operator.live(killed)
            assert await operator.stack.predict(None) == "2"
            revived = await operator.traffic.ReviveVersion(
                pb.ReviveVersionRequest(model="digits", version=1)
            )
            await operator.live(revived)
            assert await operator.stack.predict(None) == "1"

        assert load.failures == []


async def test_a_freeze_holds_through_an_alias_move_but_not_through_a_kill(
    tmp_path: Path,
) -> None:
    async with operated(tmp_path) as operator:
        shifted = await operator.traffic.ShiftTraffic(
            pb.ShiftTrafficRequest(model="digits", weights_bp={1: 5_000, 2: 5_000})
        )
        await operator.live(shifted)
        frozen = await operator.traffic.FreezeTraffic(pb.FreezeTrafficRequest(model="digits"))
        await operator.live(frozen)
        operator.stack.neighbours.show_model(
            a_model(champion=3, aliases={"canary": 2, "old": 1}, revision=2)
        )
        await until(lambda: all(len(a.wanted) == 3 for a in operator.stack.announcers))

        assert await operator.stack.predict(None) == "1"
        assert await operator.agrees(range(40)) == {"1", "2"}
        killed = await operator.traffic.KillVersion(
            pb.KillVersionRequest(model="digits", version=2)
        )
        await operator.live(killed)
        assert await operator.agrees(range(40)) == {"1"}

        unfrozen = await operator.traffic.UnfreezeTraffic(pb.UnfreezeTrafficRequest(model="digits"))
        await operator.live(unfrozen)
        await operator.stack.until_live(champion=3)


async def test_a_kill_reaches_one_envoy_while_another_is_silent(tmp_path: Path) -> None:
    """The second one is connected, asked for nothing, and never acknowledges."""
    async with operated(tmp_path) as operator:
        silent = asyncio.Event()

        async def ask_nothing() -> AsyncIterator[object]:
            request = discovery_pb2.DeltaDiscoveryRequest(
                type_url="type.googleapis.com/envoy.config.cluster.v3.Cluster"
            )
            request.node.id = "silent"
            yield request
            await silent.wait()

        stream = ads_pb2_grpc.AggregatedDiscoveryServiceStub(
            operator.stack.control
        ).DeltaAggregatedResources(ask_nothing())
        await stream.read()
        killed = await operator.traffic.KillVersion(
            pb.KillVersionRequest(model="digits", version=2)
        )
        assert not killed.live

        async def is_refused() -> bool:
            try:
                await operator.stack.predict("unit-1", version=2)
            except grpc.aio.AioRpcError as error:
                return error.code() is grpc.StatusCode.FAILED_PRECONDITION
            return False

        await until(is_refused)
        shown = await operator.traffic.GetTraffic(pb.GetTrafficRequest(model="digits"))
        assert not shown.live
        silent.set()
        stream.cancel()


def lose_database(folder: Path) -> None:
    for file in folder.glob("router.db*"):
        file.unlink()


async def test_a_router_that_lost_its_database_loses_the_shift_and_no_request(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path, settle_s=3, unload_delay_s=3) as running:
        running.neighbours.show_model(a_model(champion=1))
        await running.until_live(champion=1)
        traffic = TrafficServiceStub(running.control)
        await traffic.ShiftTraffic(
            pb.ShiftTrafficRequest(model="digits", weights_bp={1: 5_000, 2: 5_000})
        )
        async with running.load() as load:
            await until(lambda: "2" in load.versions)
            await running.router.kill()
            lose_database(tmp_path)
            await running.router.start()
            await running.until_live(champion=1)
            # Envoy has only now let go of it.
            kept = [a_version(2) in announcer.wanted for announcer in running.announcers]
            # What nobody routes any more goes, after its time.
            await until(lambda: all(a_version(2) not in a.wanted for a in running.announcers))
            answered = len(load.versions)
            await until(lambda: len(load.versions) > answered + 200)

        assert load.failures == []
        assert kept == [True, True]
        assert set(load.versions[answered + 50 :]) == {"1"}
