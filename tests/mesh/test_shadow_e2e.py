"""A shadow gets copies; whoever asked notices nothing of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from algolink.experiment.v1 import facts_pb2
from algolink.spool import lines
from experiment_svc import convert_facts
from experiment_svc.domain import counting
from mesh import resources, table
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = pytest.mark.e2e

EVERYTHING = table.Shadow(version=3, share_bp=10_000)
SPLIT = builders.a_split({"champion": 0, "challenger": 10_000}, phase=2)
SHADOWED = builders.a_route(versions=(1, 2, 3), split=SPLIT, shadow=EVERYTHING)


def versions_asked(mesh: Mesh) -> list[str]:
    return sorted(request["x-al-version"] for request in mesh.replicas[0].requests)


def as_exposure(line: dict[str, Any]) -> facts_pb2.Exposure:
    return lines.exposure(json.dumps(line).encode())


async def test_a_shadow_runs_its_own_version_of_the_same_request(mesh: Mesh) -> None:
    await mesh.route(SHADOWED)

    headers, response = await mesh.infer("user-1", payload=bytes(1_000_000))
    [line] = await mesh.lines(1, kind="shadow")

    assert response.model_version == "2"
    assert headers["x-algolink-version"] == "2"
    assert versions_asked(mesh) == ["2", "3"]
    assert mesh.replicas[0].bodies[0] == mesh.replicas[0].bodies[1]
    exposure = as_exposure(line)
    assert exposure.kind == facts_pb2.EXPOSURE_KIND_SHADOW
    assert exposure.request_id == headers["x-algolink-request-id"]
    assert (exposure.experiment, exposure.arm) == ("experiments/digits-1", "challenger")
    assert (exposure.phase, exposure.unit, exposure.table_revision) == (
        2,
        "user-1",
        SHADOWED.revision,
    )
    assert (exposure.assigned_version, exposure.answered_version) == (3, 3)
    assert exposure.grpc_status == 0


async def test_predictions_outside_an_experiment_are_shadowed_too(mesh: Mesh) -> None:
    await mesh.route(SHADOWED)

    await mesh.infer(None)
    async with mesh.http.post(mesh.url("/v2/models/digits/infer"), json={}) as answer:
        assert (await answer.json())["model_version"] == "1"
    logged = [as_exposure(line) for line in await mesh.lines(2, kind="shadow")]

    assert versions_asked(mesh) == ["1", "1", "3", "3"]
    assert [(e.experiment, e.unit, e.answered_version) for e in logged] == [("", "", 3)] * 2


async def test_what_is_no_prediction_or_names_a_version_is_not_shadowed(mesh: Mesh) -> None:
    await mesh.route(SHADOWED)

    await mesh.infer("user-1", version="1")
    await mesh.stub.ModelMetadata(service_pb2.ModelMetadataRequest(name="digits"))
    await mesh.infer("user-1")
    await mesh.lines(1, kind="shadow")

    assert versions_asked(mesh) == ["1", "2", "3"]


async def test_a_shadow_that_fails_hangs_or_is_dead_harms_nobody(mesh: Mesh) -> None:
    await mesh.route(SHADOWED)
    replica = mesh.replicas[0]

    replica.failing["3"] = grpc.StatusCode.INTERNAL
    _, failing = await mesh.infer("user-1")
    [failed] = await mesh.lines(1, kind="shadow")
    replica.failing.clear()
    replica.hanging.add("3")
    _, hanging = await mesh.infer("user-1")
    await mesh.control_plane.publish(_with_dead_shadow(mesh))
    headers, dead = await mesh.infer("user-1")

    def refused() -> bool:
        shadows = [line for line in mesh.logged() if line["kind"] == "shadow"]
        return any(line["request_id"] == headers["x-algolink-request-id"] for line in shadows)

    await builders.until(refused)
    assert [r.model_version for r in (failing, hanging, dead)] == ["2", "2", "2"]
    assert (failed["grpc_status"], failed["assigned_version"]) == (13, "3")
    assert {line["grpc_status"] for line in await mesh.lines(3)} == {0}


async def test_a_shadow_gets_no_more_than_its_breaker_lets_through(mesh: Mesh) -> None:
    await mesh.route(SHADOWED)
    mesh.replicas[0].hanging.add("3")

    answers = await asyncio.gather(*(mesh.infer(f"user-{i}") for i in range(200)))
    dropped = await mesh.lines(200 - 128, kind="shadow")

    assert {response.model_version for _, response in answers} == {"2"}
    assert {line["flags"] for line in dropped} == {"UO"}
    await builders.until(lambda: versions_asked(mesh).count("3") >= 128)
    assert versions_asked(mesh).count("3") == 128


async def test_a_shadow_gets_its_share(mesh: Mesh) -> None:
    half = table.Shadow(version=3, share_bp=5_000)
    await mesh.route(builders.a_route(versions=(1, 2, 3), shadow=half))

    for _ in range(10):
        await asyncio.gather(*(mesh.infer(None) for _ in range(40)))
    await mesh.lines(400)

    assert 120 < versions_asked(mesh).count("3") < 280  # eight standard deviations


async def test_each_attempt_of_a_request_that_took_more_than_one_is_a_fact(mesh: Mesh) -> None:
    await mesh.route(SHADOWED)
    mesh.replicas[0].failing["2"] = grpc.StatusCode.INTERNAL

    headers, _ = await mesh.infer("user-1")
    attempts = [as_exposure(line) for line in await mesh.lines(3, kind="attempt")]
    [request] = [as_exposure(line) for line in await mesh.lines(1)]
    [shadow] = [as_exposure(line) for line in await mesh.lines(1, kind="shadow")]

    assert [a.attempt for a in attempts] == [1, 2, 3]
    assert [a.assigned_version for a in attempts] == [2, 2, 1]
    assert [a.grpc_status for a in attempts] == [13, 13, 0]
    assert [a.answered_version for a in attempts] == [0, 0, 1]
    assert {a.request_id for a in attempts} == {headers["x-algolink-request-id"]}
    assert {a.arm for a in attempts} == {"challenger"}
    taken = convert_facts.exposures_from_proto([request, shadow, *attempts])
    assert len({fact.key for fact in taken}) == 5
    counted = counting.increment(taken)
    assert counted.requests == {("digits-1", "challenger", 2): 1}
    assert counted.failures == {("digits-1", "challenger", 2): 1}


async def test_attempts_of_many_requests_at_once_are_told_apart(mesh: Mesh) -> None:
    await mesh.route(builders.a_route(split=SPLIT))
    mesh.replicas[0].failing["2"] = grpc.StatusCode.UNAVAILABLE

    await asyncio.gather(*(mesh.infer(f"user-{i}") for i in range(300)))
    logged = await mesh.lines(900, kind="attempt")

    told = {(line["request_id"], line["attempt"], line["assigned_version"]) for line in logged}
    assert len(told) == len(logged) == 900
    assert {told[1:] for told in told} == {("1", "2"), ("2", "2"), ("3", "1")}


async def test_a_failed_rest_attempt_is_a_fact(mesh: Mesh) -> None:
    await mesh.route(SHADOWED)
    mesh.replicas[0].failing["2"] = 500

    async with mesh.http.post(
        mesh.url("/v2/models/digits/infer"), json={}, headers={"x-algolink-unit": "user-1"}
    ) as answer:
        assert answer.status == 200
    attempts = [as_exposure(line) for line in await mesh.lines(3, kind="attempt")]

    assert [(a.attempt, a.http_status) for a in attempts] == [(1, 500), (2, 500), (3, 200)]
    assert [a.answered_version for a in attempts] == [0, 0, 1]


async def test_a_request_that_was_answered_at_once_has_no_line_for_its_attempt(
    mesh: Mesh,
) -> None:
    await mesh.route(SHADOWED)

    await mesh.infer("user-1")
    async with mesh.http.post(mesh.url("/v2/models/digits/infer"), json={}) as answer:
        assert answer.status == 200
    mesh.replicas[0].failing["2"] = grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.aio.AioRpcError):
        await mesh.infer("user-1")

    [refused] = await mesh.lines(1, kind="attempt")
    assert refused["grpc_status"] == 3


def _with_dead_shadow(mesh: Mesh) -> resources.Resources:
    dead = table.Endpoint("127.0.0.1", builders.free_port())
    built = resources.build(mesh.snapshot(SHADOWED))
    without = resources.build(builders.a_snapshot(SHADOWED, grpc=(dead,), http=(dead,)))
    endpoints = {
        name: without.by_type[resources.EDS][name] if name.startswith("shadow/") else resource
        for name, resource in built.by_type[resources.EDS].items()
    }
    return resources.Resources({**built.by_type, resources.EDS: endpoints})
