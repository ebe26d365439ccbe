"""Shifts and kills in a real Envoy: what clients get, and what is logged."""

from __future__ import annotations

import json

import grpc
import pytest

from algolink.spool import lines
from mesh import table
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SHIFTED = builders.a_route(split=builders.a_shift({"v1": 0, "v2": 10_000}))
KILLED = builders.a_route(
    split=builders.a_split({"champion": 0, "challenger": 10_000}), versions=(1,), killed=(2,)
)


async def request_line(mesh: Mesh, request_id: str) -> dict[str, object]:
    """The line of one request of the module's Envoy."""
    found: dict[str, object] = {}

    def is_there() -> bool:
        for line in (mesh.folder / "exposure.log").read_text().splitlines():
            if request_id in line:
                found.update(json.loads(line))
        return bool(found)

    await builders.until(is_there)
    return found


async def test_a_request_of_a_shift_is_no_exposure(shared_mesh: Mesh) -> None:
    await shared_mesh.route(SHIFTED)

    headers, response = await shared_mesh.infer("user-1")
    line = await request_line(shared_mesh, headers["x-algolink-request-id"])

    assert (response.model_version, headers["x-algolink-version"]) == ("2", "2")
    assert "x-algolink-experiment" not in headers
    assert line["assigned_version"] == "2"
    assert [line[name] for name in ("experiment", "phase", "arm", "unit")] == [None] * 4
    assert lines.exposure(json.dumps(line).encode()).experiment == ""


async def test_a_unit_of_a_killed_arm_stays_exposed_to_it(shared_mesh: Mesh) -> None:
    """The analysis is by assignment: what a kill hides must count against the arm."""
    await shared_mesh.route(KILLED)

    headers, response = await shared_mesh.infer("user-1")
    line = await request_line(shared_mesh, headers["x-algolink-request-id"])

    assert (response.model_version, headers["x-algolink-version"]) == ("1", "1")
    assert (line["experiment"], line["arm"]) == ("digits-1", "challenger")
    assert (line["assigned_version"], line["answered_version"]) == ("1", "1")


@pytest.mark.parametrize("killed", [KILLED, builders.a_route(versions=(1,), killed=(2,))])
async def test_a_killed_version_is_refused_by_name(
    shared_mesh: Mesh, killed: table.ModelRoute
) -> None:
    await shared_mesh.route(killed)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_mesh.infer("user-1", version="2")
    async with shared_mesh.http.post(
        shared_mesh.url("/v2/models/digits/versions/2/infer"), json={}
    ) as answer:
        status, body = answer.status, await answer.json()

    words = "version 2 of model digits is killed: ask for one of 1, or for none"
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert words in str(caught.value.details())
    assert (status, list(body)) == (412, ["error"])
    assert words in body["error"]
    assert not shared_mesh.replicas[0].requests
