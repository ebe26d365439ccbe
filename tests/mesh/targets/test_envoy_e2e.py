"""Real Envoys on what was rendered for them send units where the table says."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import grpc
import pytest

from algolink import split
from cli import failure
from cli.main import algolink
from cli.rendering import folder
from mesh import table
from mesh.targets import envoy, text
from mesh.targets.rendering import Rendering
from tests.mesh import builders
from tests.mesh.targets import serving
from tests.mesh.targets.tables import EXAMPLES, led_to

pytestmark = pytest.mark.e2e

UNITS = [f"user-{number}@example.org" for number in range(400)]


def render(snapshot: table.Snapshot, address: table.Endpoint, *, dynamic: bool) -> Rendering:
    parameters = envoy.EnvoyParameters(listen=address)
    return (envoy.files if dynamic else envoy.static)(snapshot, parameters)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "files"])
async def test_every_unit_gets_the_arm_that_its_bucket_says(tmp_path: Path, dynamic: bool) -> None:
    async with serving.replica() as replica:
        snapshot = led_to(EXAMPLES["ramped"], [replica.grpc_endpoint], [replica.http_endpoint])
        address = serving.free_address()
        rendered = render(snapshot, address, dynamic=dynamic)
        folder.write(tmp_path, text.texts(rendered), force=False)
        start = envoy.FILES if dynamic else envoy.STATIC

        async with serving.gateway(tmp_path, start, address) as gateway:
            same, other_table = [
                await compared(tmp_path, each)
                for each in (snapshot, led_to(EXAMPLES["champion-only"], *replicas_of(snapshot)))
            ]
            answered = await gateway.versions("digits", UNITS)
            without_unit, _ = await gateway.version("digits")
            explicit, _ = await gateway.version("digits", version="3")
            by_path = await gateway.rest("/v2/models/digits/versions/3/infer")
            other, told = await gateway.version("iris", ("x-algolink-unit", UNITS[0]))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await gateway.version("nobody")

    chosen = snapshot.routes["digits"].split
    assert chosen is not None
    assert answered == [
        str(chosen.versions[chosen.table.arm_of(split.bucket(chosen.salt, unit))]) for unit in UNITS
    ]
    assert (without_unit, explicit, by_path, other) == ("4", "3", (200, "3"), "1")
    assert "x-algolink-arm" not in told
    assert same == (0, set())
    assert other_table[0] == 1
    assert {("removed", "routes", "digits"), ("removed", "cluster", ARM)} <= other_table[1]
    assert not {kind for _, kind, name in other_table[1] if name.startswith("pool/")}
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


ARM = "arm/digits-sizes/candidate/grpc"


def replicas_of(snapshot: table.Snapshot) -> tuple[list[table.Endpoint], list[table.Endpoint]]:
    [pool] = snapshot.pools.values()
    return list(pool.grpc), list(pool.http)


async def compared(
    envoys_folder: Path, snapshot: table.Snapshot
) -> tuple[int, set[tuple[str, str, str]]]:
    """Exit status of `mesh diff --envoy`, and what it says would change."""
    table_file = envoys_folder / "compared.json"
    table_file.write_text(json.dumps(table.to_json(snapshot)))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "mesh", "diff", "-o", "json"),
        *("--envoy", str(envoys_folder / "admin.sock"), "--table", str(table_file)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    changes = json.loads(output)["changes"]
    return process.returncode or 0, {(c["change"], c["kind"], c["name"]) for c in changes}


async def test_files_are_followed_without_losing_a_request(tmp_path: Path) -> None:
    async with serving.replica() as replica:
        plain, experiment = (
            led_to(EXAMPLES[name], [replica.grpc_endpoint], [replica.http_endpoint])
            for name in ("champion-only", "experiment-90-10")
        )
        address = serving.free_address()
        chosen = experiment.routes["iris"].split
        assert chosen is not None
        moved = [u for u in UNITS if split.bucket(chosen.salt, u) >= 9_000]
        folder.write(tmp_path, text.texts(render(plain, address, dynamic=True)), force=False)

        async with serving.gateway(tmp_path, envoy.FILES, address) as gateway:
            assert set(await gateway.versions("iris", UNITS)) == {"1"}
            stop, asked = asyncio.Event(), 0

            async def keep_asking() -> None:
                nonlocal asked
                while not stop.is_set():
                    assert set(await gateway.versions("iris", moved)) <= {"1", "2"}
                    asked += len(moved)

            asking = asyncio.create_task(keep_asking())
            for snapshot, version in ((experiment, "2"), (plain, "1"), (experiment, "2")):
                table_file = tmp_path / "table.json"
                table_file.write_text(json.dumps(table.to_json(snapshot)))
                status = await asyncio.to_thread(
                    failure.run,
                    algolink,
                    [
                        *("mesh", "render", "--target", "envoy", "--dynamic"),
                        *("--table", str(table_file)),
                        *("--listen", str(address), "--out", str(tmp_path)),
                    ],
                )
                assert status == 0
                files = text.texts(render(snapshot, address, dynamic=True))
                assert folder.read(tmp_path) == dict(sorted(files.items()))
                await until_all(gateway, moved, version)
            stop.set()
            await asking
            answered = await gateway.versions("iris", UNITS)

    assert asked > 0
    assert [u for u, version in zip(UNITS, answered, strict=True) if version == "2"] == moved


async def until_all(gateway: serving.Gateway, units: list[str], version: str) -> None:
    async with asyncio.timeout(60):
        while set(await gateway.versions("iris", units)) != {version}:
            pass


async def test_a_name_of_a_replica_is_resolved(tmp_path: Path) -> None:
    async with serving.replica() as replica:
        named = table.Endpoint("localhost", replica.grpc_endpoint.port)
        snapshot = led_to(EXAMPLES["champion-only"], [named], [replica.http_endpoint])
        for dynamic, start in ((False, envoy.STATIC), (True, envoy.FILES)):
            address, place = serving.free_address(), tmp_path / start.removesuffix(".yaml")
            rendered = render(snapshot, address, dynamic=dynamic)
            folder.write(place, text.texts(rendered), force=False)

            async with serving.gateway(place, start, address) as gateway:
                assert (await gateway.version("iris"))[0] == "1"


def test_an_endpoint_that_moves_changes_its_file_alone() -> None:
    here, there = table.Endpoint("10.0.0.1", 8001), table.Endpoint("10.0.0.2", 8001)
    address = table.Endpoint("127.0.0.1", 9000)
    one, other = (
        text.texts(
            render(builders.a_snapshot(builders.a_route(), grpc=(e,)), address, dynamic=True)
        )
        for e in (here, there)
    )

    assert [path for path in one if one[path] != other[path]] == ["eds/pool.default.grpc.yaml"]
