"""Pushes over a real channel, with real models and a real folder."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest

from algolink.errors import AlgoLinkError
from algolink.registry.v1 import registry_pb2 as pb
from chassis import errors
from tests.registry_svc import onnx_files, uploads
from tests.registry_svc.conftest import MAX_BYTES, Registry


async def refusal(call: Any) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc_error(caught.value)


async def test_a_push_makes_a_version_with_the_signature_of_its_file(
    registry: Registry, onnx_model: bytes
) -> None:
    version = await registry.push(onnx_model, description="first try")

    assert version.name == "models/iris/versions/1"
    assert version.number == 1
    assert version.digest == hashlib.sha256(onnx_model).hexdigest()
    assert version.size_bytes == len(onnx_model)
    assert version.description == "first try"
    assert version.signature == pb.Signature(
        inputs=[pb.TensorSpec(name="x", datatype="FP32", shape=[-1, 4])],
        outputs=[pb.TensorSpec(name="y", datatype="FP32", shape=[-1, 4])],
    )
    assert await registry.stub.GetVersion(pb.GetVersionRequest(name=version.name)) == version


async def test_the_first_push_is_champion_and_the_next_only_where_told(
    registry: Registry, onnx_model: bytes
) -> None:
    await registry.push(onnx_model, request_id="one")
    await registry.push(onnx_model, request_id="two", aliases=["candidate"])

    model = await registry.stub.GetModel(pb.GetModelRequest(name="models/iris"))
    assert {name: alias.version for name, alias in model.aliases.items()} == {
        "champion": 1,
        "candidate": 2,
    }
    assert model.latest_version == 2


async def test_what_is_pushed_is_downloaded_again_from_any_offset(
    registry: Registry, onnx_model: bytes
) -> None:
    version = await registry.push(onnx_model)

    async def download(offset: int) -> bytes:
        request = pb.DownloadArtifactRequest(digest=version.digest, offset=offset)
        stream = registry.stub.DownloadArtifact(request)
        return b"".join([message.chunk async for message in stream])

    assert await download(0) == onnx_model
    assert await download(7) == onnx_model[7:]
    assert await download(len(onnx_model)) == b""


async def test_the_same_push_twice_makes_one_version(registry: Registry, onnx_model: bytes) -> None:
    first = await registry.push(onnx_model)
    second = await registry.push(onnx_model)

    assert first == second
    versions = await registry.stub.ListVersions(pb.ListVersionsRequest(parent="models/iris"))
    assert len(versions.versions) == 1


async def test_the_same_push_twice_at_once_makes_one_version(
    registry: Registry, onnx_model: bytes
) -> None:
    first, second = await asyncio.gather(registry.push(onnx_model), registry.push(onnx_model))

    assert first == second
    assert len(registry.files()) == 1


@pytest.mark.parametrize("other", [{"model": "models/digits"}, {"columns": 5}])
async def test_a_request_id_of_something_else_is_refused(
    registry: Registry, onnx_model: bytes, other: dict[str, Any]
) -> None:
    await registry.push(onnx_model)

    columns = other.pop("columns", 4)
    error = await refusal(registry.push(onnx_files.plus_one(columns=columns), **other))

    assert (error.code, error.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


@pytest.mark.parametrize(
    ("header", "code", "reason"),
    [
        ({"model": "iris"}, "INVALID_ARGUMENT", "MODEL_ID_INVALID"),
        ({"model": "models/Iris"}, "INVALID_ARGUMENT", "MODEL_ID_INVALID"),
        ({"request_id": ""}, "INVALID_ARGUMENT", "REQUEST_ID_INVALID"),
        ({"digest": "abc"}, "INVALID_ARGUMENT", "DIGEST_MALFORMED"),
        ({"digest": "a" * 64}, "INVALID_ARGUMENT", "DIGEST_MISMATCH"),
        ({"aliases": ["No"]}, "INVALID_ARGUMENT", "ALIAS_INVALID"),
        ({"size_bytes": 0}, "INVALID_ARGUMENT", "ARTIFACT_EMPTY"),
        ({"size_bytes": 10}, "INVALID_ARGUMENT", "SIZE_MISMATCH"),
        ({"size_bytes": MAX_BYTES}, "INVALID_ARGUMENT", "SIZE_MISMATCH"),
        ({"size_bytes": MAX_BYTES + 1}, "RESOURCE_EXHAUSTED", "ARTIFACT_TOO_LARGE"),
    ],
)
async def test_a_push_that_is_not_what_its_header_says_leaves_nothing(
    registry: Registry, onnx_model: bytes, header: dict[str, Any], code: str, reason: str
) -> None:
    error = await refusal(registry.push(onnx_model, **header))

    assert (error.code, error.reason) == (code, reason)
    await nothing_is_left(registry)


def truncated() -> bytes:
    return onnx_files.plus_one(columns=4)[:-20]


def noise() -> bytes:
    return random.Random(1).randbytes(100_000)


@pytest.mark.parametrize(
    ("artifact", "says"),
    [
        (truncated(), "Protobuf"),
        (noise(), "Protobuf"),
        (b"\x00" * 1_000, ""),
        (b"import pickle\n", "Protobuf"),
        (onnx_files.with_unknown_operator(), "Transmogrify"),
        (onnx_files.with_probability_maps(), "zipmap"),
    ],
    ids=["truncated", "noise", "zeros", "text", "unknown operator", "maps"],
)
async def test_a_file_that_cannot_be_served_is_refused_with_what_the_engine_said(
    registry: Registry, artifact: bytes, says: str
) -> None:
    error = await refusal(registry.push(artifact))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "ARTIFACT_NOT_LOADABLE")
    assert says in error.message
    assert str(registry.folder) not in error.message
    await nothing_is_left(registry)


async def test_an_empty_file_is_refused(registry: Registry) -> None:
    error = await refusal(registry.push(b"", size_bytes=1))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "ARTIFACT_EMPTY")
    await nothing_is_left(registry)


def header_of(artifact: bytes) -> pb.PushVersionRequest:
    return next(uploads.messages(artifact))


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ([], "UPLOAD_WITHOUT_HEADER"),
        ([pb.PushVersionRequest()], "UPLOAD_WITHOUT_HEADER"),
        ([pb.PushVersionRequest(chunk=b"abc")], "UPLOAD_WITHOUT_HEADER"),
        ([header_of(b"abc"), header_of(b"abc")], "HEADER_REPEATED"),
    ],
)
async def test_an_upload_has_one_header_and_has_it_first(
    registry: Registry, requests: list[pb.PushVersionRequest], reason: str
) -> None:
    error = await refusal(registry.stub.PushVersion(iter(requests)))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", reason)
    await nothing_is_left(registry)


async def test_a_chunk_has_a_limit(registry: Registry) -> None:
    artifact = bytes(2 * 1024 * 1024 + 1)

    error = await refusal(registry.push(artifact, chunk_bytes=len(artifact)))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "CHUNK_TOO_LARGE")
    await nothing_is_left(registry)


async def test_a_refusal_reaches_a_client_that_still_sends(registry: Registry) -> None:
    def far_too_much() -> Iterator[pb.PushVersionRequest]:
        yield header_of(b"abc")
        for _ in range(100):
            yield pb.PushVersionRequest(chunk=bytes(1024 * 1024))

    error = await refusal(registry.stub.PushVersion(far_too_much()))

    assert error.reason == "SIZE_MISMATCH"
    await nothing_is_left(registry)


async def test_a_client_that_goes_away_in_mid_upload_leaves_nothing(
    registry: Registry, onnx_model: bytes
) -> None:
    async def half() -> AsyncIterator[pb.PushVersionRequest]:
        yield header_of(onnx_model)
        yield pb.PushVersionRequest(chunk=onnx_model[:50])
        await asyncio.Event().wait()

    call = registry.stub.PushVersion(half())
    await until(lambda: registry.files() != [])

    call.cancel()

    await until(lambda: registry.files() == [])
    await nothing_is_left(registry)


async def nothing_is_left(registry: Registry) -> None:
    assert registry.files() == []
    models = await registry.stub.ListModels(pb.ListModelsRequest())
    assert list(models.models) == []


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.to_thread(lambda: None)
