"""What clients notice of a change: nothing but its effect."""

from __future__ import annotations

import asyncio

import pytest

from algolink import split
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = pytest.mark.e2e


async def test_a_ramp_under_load_fails_nothing_and_moves_only_whom_it_must(mesh: Mesh) -> None:
    before = split.allocate({"champion": 9_000, "challenger": 1_000})
    after = split.resize(before, {"champion": 5_000, "challenger": 5_000})
    await mesh.route(builders.a_route(split=builders.a_split(bucket_table=before)))
    ramped = asyncio.Event()
    seen: dict[str, set[str]] = {}

    async def predict(first: int) -> None:
        for index in range(first, first + 150):
            unit = f"user-{index}"
            seen[unit] = {(await mesh.infer(unit))[1].model_version}
        await ramped.wait()
        for index in range(first, first + 150):
            unit = f"user-{index}"
            seen[unit].add((await mesh.infer(unit))[1].model_version)

    async with asyncio.TaskGroup() as clients:
        for first in range(0, 1_200, 150):
            clients.create_task(predict(first))
        await builders.until(lambda: len(seen) > 400)
        background = [clients.create_task(mesh.infer(f"other-{i}")) for i in range(200)]
        await mesh.route(builders.a_route(split=builders.a_split(bucket_table=after, phase=2)))
        ramped.set()
    assert all(task.done() for task in background)

    for unit, versions in seen.items():
        bucket = split.bucket("digits-1-a1", unit)
        expected = {"1" if t.arm_of(bucket) == "champion" else "2" for t in (before, after)}
        assert versions <= expected
        assert ("2" in versions) == (after.arm_of(bucket) == "challenger")


async def test_a_router_that_goes_away_changes_nothing(mesh: Mesh) -> None:
    await mesh.route(builders.a_route(champion=2))

    await mesh.control_plane.stop()

    for _ in range(20):
        assert (await mesh.infer("user-1"))[1].model_version == "2"
