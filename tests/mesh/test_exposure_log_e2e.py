"""What Envoy logs, whatever becomes of a request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from algolink.spool import lines
from mesh import resources, table
from tests.mesh import builders, replicas
from tests.mesh.envoys import Mesh

pytestmark = pytest.mark.e2e

CHALLENGED = builders.a_route(
    split=builders.a_split({"champion": 0, "challenger": 10_000}, phase=3)
)


def assert_assigned(line: dict[str, Any]) -> None:
    """Holds for every request of `user-1` while CHALLENGED is routed."""
    assert line["model"] == "digits"
    assert line["experiment"] == "digits-1"
    assert line["phase"] == "3"
    assert line["arm"] == "challenger"
    assert line["unit"] == "user-1"
    assert line["assigned_version"] == "2"
    assert line["revision"] == CHALLENGED.revision
    assert line["request_id"]
    lines.exposure(_bytes(line))


async def test_an_answered_request(mesh: Mesh) -> None:
    await mesh.route(CHALLENGED)

    headers, _ = await mesh.infer("user-1")
    [line] = await mesh.lines(1)

    assert_assigned(line)
    assert line["request_id"] == headers["x-algolink-request-id"]
    assert line["answered_version"] == "2"
    assert line["served_version"] == "2"
    assert (line["http_status"], line["grpc_status"], line["flags"]) == (200, 0, "-")


async def test_an_answered_rest_request(mesh: Mesh) -> None:
    await mesh.route(CHALLENGED)

    async with mesh.http.post(
        mesh.url("/v2/models/digits/infer"), json={}, headers={"x-algolink-unit": "user-1"}
    ) as answer:
        request_id = answer.headers["x-algolink-request-id"]
    [line] = await mesh.lines(1)

    assert_assigned(line)
    assert line["request_id"] == request_id
    assert (line["http_status"], line["grpc_status"]) == (200, None)


async def test_a_request_that_the_replica_fails(mesh: Mesh) -> None:
    await mesh.route(CHALLENGED)
    mesh.replicas[0].fail_with = grpc.StatusCode.INTERNAL

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.infer("user-1")
    [line] = await mesh.lines(1)

    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert_assigned(line)
    assert (line["http_status"], line["grpc_status"]) == (200, 13)
    assert line["answered_version"] is None


async def test_a_request_that_was_tried_again(mesh: Mesh) -> None:
    await mesh.route(CHALLENGED)
    mesh.replicas[0].fail_with = grpc.StatusCode.UNAVAILABLE

    with pytest.raises(grpc.aio.AioRpcError):
        await mesh.infer("user-1")
    [line] = await mesh.lines(1)

    assert_assigned(line)
    assert line["grpc_status"] == 14
    assert line["attempts"] == 3


async def test_a_request_that_no_replica_is_there_for(mesh: Mesh) -> None:
    await mesh.control_plane.publish(
        resources.build(builders.a_snapshot(CHALLENGED, grpc=(), http=()))
    )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.infer("user-1")
    async with mesh.http.post(
        mesh.url("/v2/models/digits/infer"), json={}, headers={"x-algolink-unit": "user-1"}
    ) as answer:
        status, body, arm = answer.status, await answer.json(), answer.headers["x-algolink-arm"]
    logged = await mesh.lines(2)

    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "no replica of model digits" in str(caught.value.details())
    assert (status, arm) == (503, "challenger")
    assert "no replica of model digits" in body["error"]
    for line in logged:
        assert_assigned(line)
        assert line["http_status"] in (200, 503)
        assert "UH" in line["flags"]


async def test_a_request_to_a_replica_that_refuses_connections(mesh: Mesh) -> None:
    dead = table.Endpoint("127.0.0.1", builders.free_port())
    await mesh.control_plane.publish(
        resources.build(builders.a_snapshot(CHALLENGED, grpc=(dead,), http=(dead,)))
    )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.infer("user-1")
    [line] = await mesh.lines(1)

    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert_assigned(line)
    assert line["grpc_status"] == 14


async def test_a_request_that_the_client_gave_up(mesh: Mesh) -> None:
    await mesh.route(CHALLENGED)
    mesh.replicas[0].hold.clear()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.infer("user-1", timeout_s=0.3)
    [line] = await mesh.lines(1)

    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert_assigned(line)
    assert (line["http_status"], line["grpc_status"]) == (0, None)
    assert line["flags"] in ("DC", "DR")  # the client closed, or reset its stream
    assert lines.exposure(_bytes(line)).duration_us >= 200_000


async def test_a_stream_is_one_line(mesh: Mesh) -> None:
    await mesh.route(CHALLENGED)
    call = mesh.stub.ModelStreamInfer(metadata=[("x-algolink-unit", "user-1")])

    for _ in range(3):
        await call.write(service_pb2.ModelInferRequest(model_name="digits"))
        await call.read()
    await call.done_writing()
    assert await call.code() == grpc.StatusCode.OK
    [line] = await mesh.lines(1)

    assert_assigned(line)


async def test_requests_outside_an_experiment_name_none(mesh: Mesh) -> None:
    await mesh.route(CHALLENGED)

    await mesh.infer(None)
    await mesh.infer("user-1", version="1")
    with pytest.raises(grpc.aio.AioRpcError):
        await mesh.infer("user-1", version="7")
    with pytest.raises(grpc.aio.AioRpcError):
        await mesh.infer("user-1", model="unknown")
    without_unit, explicit, not_served, unknown = [
        lines.exposure(_bytes(line)) for line in await mesh.lines(4)
    ]

    for exposure in (without_unit, explicit, not_served, unknown):
        assert (exposure.experiment, exposure.arm, exposure.unit) == ("", "", "")
        assert exposure.phase == 0
    assert (without_unit.assigned_version, without_unit.answered_version) == (1, 1)
    assert (explicit.assigned_version, explicit.answered_version) == (1, 1)
    assert without_unit.table_revision == CHALLENGED.revision
    assert (not_served.assigned_version, not_served.grpc_status) == (0, 5)
    assert (unknown.model, unknown.assigned_version, unknown.grpc_status) == ("unknown", 0, 5)


async def test_asking_about_a_model_or_the_server_logs_nothing(mesh: Mesh) -> None:
    await mesh.route(CHALLENGED)

    await mesh.stub.ServerLive(service_pb2.ServerLiveRequest())
    await mesh.stub.ModelMetadata(service_pb2.ModelMetadataRequest(name="digits"))
    await mesh.infer("user-1")

    assert len(await mesh.lines(1)) == 1


async def test_requests_log_their_own_request_id_per_request_split(mesh: Mesh) -> None:
    await mesh.route(
        builders.a_route(
            split=builders.a_split({"champion": 0, "challenger": 10_000}, per_request=True)
        )
    )

    await mesh.infer(None)
    [line] = await mesh.lines(1)

    assert line["unit"] == line["request_id"]


async def test_no_prediction_fails_when_one_of_two_replicas_is_killed(mesh: Mesh) -> None:
    async with (
        replicas.replica_process() as (dying, dying_grpc, dying_http),
        replicas.replica_process() as (_, other_grpc, other_http),
    ):
        snapshot = builders.a_snapshot(
            CHALLENGED, grpc=(dying_grpc, other_grpc), http=(dying_http, other_http)
        )
        await mesh.control_plane.publish(resources.build(snapshot))
        answered = 0
        target = asyncio.Event()

        async def predict(enough: int) -> None:
            nonlocal answered
            while answered < enough:
                await mesh.infer("user-1")
                async with mesh.http.post(mesh.url("/v2/models/digits/infer"), json={}) as answer:
                    assert answer.status == 200, await answer.text()
                answered += 1
                if answered >= 300:
                    target.set()

        async with asyncio.TaskGroup() as clients:
            for _ in range(16):
                clients.create_task(predict(enough=900))
            await target.wait()
            dying.kill()

        logged = await mesh.lines(2 * answered)
    assert {line["grpc_status"] or 0 for line in logged} == {0}
    assert {line["http_status"] for line in logged} == {200}
    assert len({line["request_id"] for line in logged}) == 2 * answered
    assert max(line["attempts"] for line in logged) > 1


def _bytes(line: dict[str, Any]) -> bytes:
    return json.dumps(line).encode()
