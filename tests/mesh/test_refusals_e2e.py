"""What a client is told that asks for what is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import grpc
import pytest
from tritonclient.grpc import service_pb2

from mesh import names
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def refusal(mesh: Mesh, **request: str) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.infer("user-1", **request)  # type: ignore[arg-type]  # names of headers and fields
    return caught.value.code(), str(caught.value.details())


async def rest_refusal(mesh: Mesh, path: str) -> tuple[int, Mapping[str, str]]:
    async with mesh.http.post(mesh.url(path), json={}) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("model", "version", "code", "words"),
    [
        ("unknown", "", grpc.StatusCode.NOT_FOUND, "model unknown is not served here"),
        ("digits", "7", grpc.StatusCode.NOT_FOUND, "no version 7 here: ask for one of 1, 2,"),
        ("digits", "latest", grpc.StatusCode.INVALID_ARGUMENT, "'latest' is not a version"),
        ("digits", "0", grpc.StatusCode.INVALID_ARGUMENT, "'0' is not a version"),
        ("", "", grpc.StatusCode.INVALID_ARGUMENT, "names no model"),
        ("../etc", "", grpc.StatusCode.NOT_FOUND, "no model is called '../etc'"),
        ("_server", "", grpc.StatusCode.NOT_FOUND, "no model is called '_server'"),
        ("m" * 10_000, "", grpc.StatusCode.NOT_FOUND, "mmm...'"),
        ("modèle", "", grpc.StatusCode.NOT_FOUND, "no model is called 'mod??le'"),
    ],
)
async def test_grpc_clients_get_a_status_and_what_to_do(
    shared_mesh: Mesh, model: str, version: str, code: grpc.StatusCode, words: str
) -> None:
    await shared_mesh.route(builders.a_route())

    status, details = await refusal(shared_mesh, model=model, version=version)

    assert status == code
    assert words in details
    assert len(details) < 300
    assert not shared_mesh.replicas[0].requests


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v2/models/unknown/infer", 404, "model unknown is not served here"),
        ("/v2/models/digits/versions/7/infer", 404, "no version 7 here: ask for one of 1, 2,"),
        ("/v2/models/digits/versions/x/infer", 400, "'x' is not a version"),
        ("/v2/models/Digits/infer", 404, "no model is called 'Digits'"),
        ("/v2/models/digits/unload", 404, "is not served: use /v2/models/{model}/infer"),
        ("/v2/repository/index", 404, "is not served: use /v2/models/{model}/infer"),
        ("/", 404, "is not served: use /v2/models/{model}/infer"),
        ('/v2/models/a"b/infer', 404, "no model is called"),
    ],
)
async def test_rest_clients_get_json_and_what_to_do(
    shared_mesh: Mesh, path: str, status: int, words: str
) -> None:
    await shared_mesh.route(builders.a_route())

    got, body = await rest_refusal(shared_mesh, path)

    assert got == status
    assert list(body) == ["error"]
    assert words in body["error"]
    assert not shared_mesh.replicas[0].requests


async def test_a_request_without_a_type_is_told_alike(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())

    async with shared_mesh.http.get(shared_mesh.url("/v2/models/unknown")) as answer:
        assert answer.status == 404
        assert "model unknown is not served here" in (await answer.json())["error"]


async def test_calls_that_belong_to_a_replica_are_not_forwarded(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_mesh.stub.RepositoryModelUnload(
            service_pb2.RepositoryModelUnloadRequest(model_name="digits")
        )

    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "a replica's own port" in str(caught.value.details())


async def test_every_refusal_carries_its_request_id(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())

    for path in ("/", "/v2/models/unknown/infer", "/v2/models/digits/versions/7/infer"):
        async with shared_mesh.http.post(shared_mesh.url(path), json={}) as answer:
            assert answer.headers["x-algolink-request-id"]
            assert "x-algolink-version" not in answer.headers


async def test_a_message_of_60_mb_is_routed_by_its_body(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())

    _, response = await shared_mesh.infer("user-1", payload=bytes(60_000_000))

    assert response.model_version == "1"
    assert len(shared_mesh.replicas[0].bodies[0].raw_input_contents[0]) == 60_000_000


async def test_a_compressed_message_is_told_which_header_to_drop(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())
    request = service_pb2.ModelInferRequest(
        model_name="digits", raw_input_contents=[bytes(100_000)]
    )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_mesh.stub.ModelInfer(request, compression=grpc.Compression.Gzip)
    uncompressed = await shared_mesh.stub.ModelInfer(request)

    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "without the header grpc-encoding" in str(caught.value.details())
    assert uncompressed.model_version == "1"


async def test_a_message_over_the_limit_is_told_the_limit_and_the_connection_survives(
    shared_mesh: Mesh,
) -> None:
    await shared_mesh.route(builders.a_route())
    shared_mesh.replicas[0].hold.clear()
    under_way = asyncio.create_task(shared_mesh.infer("user-1"))
    await builders.until(lambda: bool(shared_mesh.replicas[0].requests))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_mesh.infer("user-2", payload=bytes(70_000_000))
    shared_mesh.replicas[0].hold.set()
    _, response = await under_way

    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "over 67108864 bytes" in str(caught.value.details())
    assert response.model_version == "1"


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1_000_000):
        yield bytes(1_000_000)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_rest_body_is_taken_up_to_the_limit_and_told_it_beyond(
    shared_mesh: Mesh, chunked: bool
) -> None:
    await shared_mesh.route(builders.a_route())
    url = shared_mesh.url("/v2/models/digits/infer")

    async def answer(size: int) -> tuple[int, Mapping[str, str]]:
        data = _chunks(size) if chunked else bytes(size)
        async with shared_mesh.http.post(url, data=data) as answered:
            return answered.status, await answered.json()

    taken, _ = await answer(60_000_000)
    status, body = await answer(70_000_000)
    again, _ = await answer(1_000_000)

    assert (taken, status, again) == (200, 413, 200)
    assert f"over {names.REQUEST_BODY_LIMIT_BYTES} bytes" in body["error"]
    assert len(shared_mesh.replicas[0].requests) == 2


async def test_the_server_and_its_models_can_be_asked_about(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())

    live = await shared_mesh.stub.ServerLive(service_pb2.ServerLiveRequest())
    ready = await shared_mesh.stub.ModelReady(service_pb2.ModelReadyRequest(name="digits"))

    assert live.live
    assert ready.ready
    for path in (
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/digits",
        "/v2/models/digits/ready",
        "/v2/models/digits/versions/2",
        "/v2/models/digits/versions/2/ready",
    ):
        async with shared_mesh.http.get(shared_mesh.url(path)) as answer:
            assert answer.status == 200
            assert (await answer.json())["path"] == path
