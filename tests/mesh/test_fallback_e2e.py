"""The champion answers where a candidate fails, and the candidate has failed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import pytest

from algolink.experiment.v1 import facts_pb2
from algolink.spool import lines
from experiment_svc import convert_facts
from experiment_svc.domain import facts
from mesh import resources, table
from tests.mesh import builders, replicas
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CHALLENGED = builders.a_route(
    split=builders.a_split(
        {"champion": 0, "challenger": 10_000},
        fallback=table.Fallback(attempt_timeout_ms=1_000),
    )
)
UNIT = {"x-algolink-unit": "user-1"}
REST = "/v2/models/digits/infer"


def versions_tried(mesh: Mesh) -> list[str]:
    return [request["x-al-version"] for replica in mesh.replicas for request in replica.requests]


async def exposure_of(mesh: Mesh, request_id: str) -> facts_pb2.Exposure:
    """The one of the request itself, once it is logged."""

    def found() -> list[dict[str, Any]]:
        lines_of_it = [line for line in mesh.logged() if line["request_id"] == request_id]
        return [line for line in lines_of_it if line["kind"] == "request"]

    await builders.until(lambda: bool(found()))
    [line] = found()
    return lines.exposure(json.dumps(line).encode())


def has_failed(exposure: facts_pb2.Exposure) -> bool:
    [taken] = convert_facts.exposures_from_proto([exposure])
    return facts.failed(taken)


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DATA_LOSS,
    ],
    ids=lambda status: status.name,
)
async def test_the_champion_answers_a_grpc_client_for_a_failed_candidate(
    shared_mesh: Mesh, status: grpc.StatusCode
) -> None:
    await shared_mesh.route(CHALLENGED)
    shared_mesh.replicas[0].failing["2"] = status

    headers, response = await shared_mesh.infer("user-1")

    assert response.model_version == "1"
    assert headers["x-algolink-fallback"] == "true"
    assert headers["x-algolink-version"] == "1"
    assert headers["x-algolink-arm"] == "challenger"
    assert versions_tried(shared_mesh) == ["2", "2", "1"]
    exposure = await exposure_of(shared_mesh, headers["x-algolink-request-id"])
    assert (exposure.arm, exposure.assigned_version) == ("challenger", 2)
    assert (exposure.answered_version, exposure.grpc_status) == (1, 0)
    assert has_failed(exposure)


@pytest.mark.parametrize("status", [404, 429, 500, 502, 503, 504])
async def test_the_champion_answers_a_rest_client_for_a_failed_candidate(
    shared_mesh: Mesh, status: int
) -> None:
    await shared_mesh.route(CHALLENGED)
    shared_mesh.replicas[0].failing["2"] = status

    async with shared_mesh.http.post(shared_mesh.url(REST), json={}, headers=UNIT) as answer:
        assert answer.status == 200
        assert (await answer.json())["model_version"] == "1"
        assert answer.headers["x-algolink-fallback"] == "true"
        assert answer.headers["x-algolink-version"] == "1"
        assert answer.headers["x-algolink-arm"] == "challenger"
        request_id = answer.headers["x-algolink-request-id"]

    assert versions_tried(shared_mesh) == ["2", "2", "1"]
    exposure = await exposure_of(shared_mesh, request_id)
    assert (exposure.assigned_version, exposure.answered_version) == (2, 1)
    assert has_failed(exposure)


async def test_a_request_that_is_wrong_is_wrong_for_every_version(shared_mesh: Mesh) -> None:
    await shared_mesh.route(CHALLENGED)
    shared_mesh.replicas[0].failing["2"] = grpc.StatusCode.INVALID_ARGUMENT

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_mesh.infer("user-1")
    shared_mesh.replicas[0].failing["2"] = 400
    async with shared_mesh.http.post(shared_mesh.url(REST), json={}, headers=UNIT) as answer:
        assert answer.status == 400
        assert "x-algolink-fallback" not in answer.headers

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert versions_tried(shared_mesh) == ["2", "2"]  # one call of each kind


async def test_a_candidate_that_hangs_is_given_up(shared_mesh: Mesh) -> None:
    await shared_mesh.route(CHALLENGED)
    shared_mesh.replicas[0].hanging.add("2")

    headers, response = await shared_mesh.infer("user-1")
    async with shared_mesh.http.post(shared_mesh.url(REST), json={}, headers=UNIT) as answer:
        assert answer.headers["x-algolink-fallback"] == "true"

    assert response.model_version == "1"
    assert headers["x-algolink-fallback"] == "true"
    assert versions_tried(shared_mesh) == ["2", "2", "1"] * 2


async def test_a_large_request_is_sent_again_whole(shared_mesh: Mesh) -> None:
    await shared_mesh.route(CHALLENGED)
    shared_mesh.replicas[0].failing["2"] = grpc.StatusCode.INTERNAL

    _, response = await shared_mesh.infer("user-1", payload=bytes(20_000_000))

    assert response.model_version == "1"
    sizes = [len(body.raw_input_contents[0]) for body in shared_mesh.replicas[0].bodies]
    assert sizes == [20_000_000] * 3


async def test_an_answer_of_the_candidate_is_marked_as_nothing_else(shared_mesh: Mesh) -> None:
    await shared_mesh.route(CHALLENGED)

    headers, response = await shared_mesh.infer("user-1", ("x-al-plan", "1"))

    assert response.model_version == "2"
    assert "x-algolink-fallback" not in headers
    assert not [name for name in headers if name.startswith("x-envoy-attempt")]
    exposure = await exposure_of(shared_mesh, headers["x-algolink-request-id"])
    assert (exposure.assigned_version, exposure.answered_version) == (2, 2)
    assert not has_failed(exposure)


async def test_where_the_champion_fails_too_the_client_is_told_so(shared_mesh: Mesh) -> None:
    await shared_mesh.route(CHALLENGED)
    shared_mesh.replicas[0].failing.update(
        {"2": grpc.StatusCode.INTERNAL, "1": grpc.StatusCode.RESOURCE_EXHAUSTED}
    )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_mesh.infer("user-1")

    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    headers = {str(k): str(v) for k, v in caught.value.trailing_metadata() or ()}
    headers |= {str(k): str(v) for k, v in caught.value.initial_metadata() or ()}
    assert "x-algolink-fallback" not in headers
    assert versions_tried(shared_mesh) == ["2", "2", "1"]


async def test_the_control_is_not_tried_again_for_what_it_answers(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 10_000, "challenger": 0}))
    )
    shared_mesh.replicas[0].failing["1"] = grpc.StatusCode.INTERNAL

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_mesh.infer("user-1")

    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert versions_tried(shared_mesh) == ["1"]


async def test_a_split_without_fallback_lets_failures_through(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(
            split=builders.a_split({"champion": 0, "challenger": 10_000}, fallback=None)
        )
    )
    shared_mesh.replicas[0].failing["2"] = grpc.StatusCode.INTERNAL

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_mesh.infer("user-1")

    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert versions_tried(shared_mesh) == ["2"]


async def test_a_dead_replica_is_made_up_for_by_another_of_the_same_version(
    shared_mesh: Mesh,
) -> None:
    async with (
        replicas.replica_process() as (dying, dying_grpc, dying_http),
        replicas.replica_process() as (_, other_grpc, other_http),
    ):
        await shared_mesh.control_plane.publish(
            resources.build(
                builders.a_snapshot(
                    CHALLENGED, grpc=(dying_grpc, other_grpc), http=(dying_http, other_http)
                )
            )
        )
        answered = 0
        target = asyncio.Event()

        async def predict(enough: int) -> None:
            nonlocal answered
            while answered < enough:
                headers, response = await shared_mesh.infer("user-1")
                assert response.model_version == "2"
                assert "x-algolink-fallback" not in headers
                answered += 1
                if answered >= 200:
                    target.set()

        async with asyncio.TaskGroup() as clients:
            for _ in range(16):
                clients.create_task(predict(enough=800))
            await target.wait()
            dying.kill()


async def test_the_champion_answers_where_no_process_is_there_for_the_candidate(
    shared_mesh: Mesh,
) -> None:
    built = resources.build(shared_mesh.snapshot(CHALLENGED))
    dead = table.Endpoint("127.0.0.1", builders.free_port())
    without = resources.build(builders.a_snapshot(CHALLENGED, grpc=(dead,), http=(dead,)))
    endpoints = dict(built.by_type[resources.EDS])
    for name in endpoints:
        if name.startswith("arm/"):
            endpoints[name] = without.by_type[resources.EDS][name]
    await shared_mesh.control_plane.publish(
        resources.Resources({**built.by_type, resources.EDS: endpoints})
    )

    headers, response = await shared_mesh.infer("user-1")

    assert response.model_version == "1"
    assert headers["x-algolink-fallback"] == "true"
