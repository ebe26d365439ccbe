"""gRPC-Web through the whole chain, byte by byte as a browser sends it."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import aiohttp
import grpc
import pytest
from tritonclient.grpc import service_pb2

from algolink import split
from algolink.spool import lines
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

BINARY, TEXT = "application/grpc-web+proto", "application/grpc-web-text"
SPLIT = builders.a_split({"champion": 5_000, "challenger": 5_000})


def framed(payload: bytes, *, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(payload)) + payload


def unframed(body: bytes) -> Iterator[tuple[int, bytes]]:
    while body:
        flags, length = struct.unpack_from(">BI", body)
        yield flags, body[5 : 5 + length]
        body = body[5 + length :]


def decoded(content_type: str, body: bytes) -> bytes:
    if content_type != TEXT:
        return body
    # Each piece that was sent is padded by itself.
    pieces = body.replace(b"=", b"= ").replace(b"= =", b"==").split()
    return b"".join(base64.b64decode(piece) for piece in pieces)


async def call(
    mesh: Mesh, content_type: str, request: bytes, **headers: str
) -> tuple[aiohttp.ClientResponse, bytes]:
    body = base64.b64encode(request) if content_type == TEXT else request
    async with mesh.http.post(
        mesh.url("/inference.GRPCInferenceService/ModelInfer"),
        data=body,
        headers={"content-type": content_type, "accept": content_type, "x-grpc-web": "1"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    ) as answer:
        return answer, decoded(content_type, await answer.read())


def a_request(model: str = "digits", version: str = "") -> bytes:
    message = service_pb2.ModelInferRequest(model_name=model, model_version=version)
    return framed(bytes(message.SerializeToString()))


def web_lines(mesh: Mesh) -> list[dict[str, Any]]:
    return [
        line
        for line in mesh.logged()
        if line["kind"] == "request" and str(line["content_type"]).startswith("application/grpc-w")
    ]


@pytest.mark.parametrize("content_type", [BINARY, TEXT])
async def test_a_browser_gets_its_arm_and_is_counted(shared_mesh: Mesh, content_type: str) -> None:
    await shared_mesh.route(builders.a_route(split=SPLIT))
    before = len(web_lines(shared_mesh))

    for number in range(10):
        unit = f"user-{number}"
        answer, body = await call(shared_mesh, content_type, a_request(), x_algolink_unit=unit)
        (_, message), (flags, trailers) = unframed(body)
        arm = SPLIT.table.arm_of(split.bucket(SPLIT.salt, unit))
        version = str(SPLIT.versions[arm])

        assert answer.status == 200
        assert service_pb2.ModelInferResponse.FromString(message).model_version == version
        assert answer.headers["x-algolink-arm"] == arm
        assert flags == 0x80
        assert b"grpc-status:0\r\n" in trailers
        assert b"x-al-" not in trailers

    await builders.until(lambda: len(web_lines(shared_mesh)) == before + 10)
    for line in web_lines(shared_mesh)[before:]:
        fact = lines.exposure_of(line)
        assert fact.grpc_status == 0
        assert fact.answered_version == fact.assigned_version


@pytest.mark.parametrize("content_type", [BINARY, TEXT])
async def test_a_failure_of_the_replica_is_told_and_counted(
    shared_mesh: Mesh, content_type: str
) -> None:
    await shared_mesh.route(builders.a_route(split=SPLIT))
    shared_mesh.replicas[0].fail_with = grpc.StatusCode.RESOURCE_EXHAUSTED
    before = len(web_lines(shared_mesh))

    answer, _ = await call(shared_mesh, content_type, a_request(), x_algolink_unit="user-1")

    assert answer.headers["grpc-status"] == "8"
    await builders.until(lambda: len(web_lines(shared_mesh)) == before + 1)
    assert lines.exposure_of(web_lines(shared_mesh)[-1]).grpc_status == 8


@pytest.mark.parametrize(
    ("request_bytes", "status", "words"),
    [
        (a_request("nobody"), "5", "model nobody is not served here"),
        (a_request("Not/A%Model"), "5", "no model is called 'Not/A%25Model'"),
        (a_request(version="7"), "5", "no version 7 here"),
        (a_request(version="x"), "3", "'x' is not a version"),
        (framed(b"\xff\xff\xff"), "3", "names no model"),
    ],
    ids=["unknown", "no id", "not served", "no version", "no message"],
)
async def test_a_refusal_has_the_status_that_grpc_has(
    shared_mesh: Mesh, request_bytes: bytes, status: str, words: str
) -> None:
    await shared_mesh.route(builders.a_route())

    answer, body = await call(shared_mesh, BINARY, request_bytes)

    [(flags, trailers)] = unframed(body)
    assert answer.status == 200
    assert flags == 0x80
    assert f"grpc-status:{status}\r\n" in trailers.decode()
    assert words in trailers.decode()


async def test_a_refusal_in_base64_says_why(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())

    answer, _ = await call(shared_mesh, TEXT, a_request("nobody"))

    assert answer.headers["grpc-status"] != "0"
    assert "model nobody is not served here" in answer.headers["grpc-message"]


async def test_other_origins_are_not_let_in(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())

    async with shared_mesh.http.options(
        shared_mesh.url("/inference.GRPCInferenceService/ModelInfer"),
        headers={"origin": "https://elsewhere.example", "access-control-request-method": "POST"},
    ) as preflight:
        assert preflight.status == 404
        assert "access-control-allow-origin" not in preflight.headers
