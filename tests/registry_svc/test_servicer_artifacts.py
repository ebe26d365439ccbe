"""Uploads in pieces and versions of folders, over a real channel with real models."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from algolink.errors import AlgoLinkError
from algolink.manifest import File, Manifest
from algolink.registry.v1 import artifacts_pb2 as pb
from algolink.registry.v1 import registry_pb2
from chassis import errors
from tests.registry_svc import onnx_files
from tests.registry_svc.conftest import MAX_BYTES, Registry

CHUNK = 40


async def refusal(call: Any) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc_error(caught.value)


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def begin(content: bytes, upload: str = "u", **other: Any) -> pb.BeginUploadRequest:
    values: dict[str, Any] = {"digest": digest_of(content), "size_bytes": len(content), **other}
    return pb.BeginUploadRequest(upload=upload, **values)


def chunks(content: bytes, upload: str = "u", start: int = 0) -> Iterator[pb.WriteUploadRequest]:
    yield pb.WriteUploadRequest(upload=upload, offset=start)
    for offset in range(start, len(content), CHUNK):
        yield pb.WriteUploadRequest(offset=offset, chunk=content[offset : offset + CHUNK])


async def upload(registry: Registry, content: bytes) -> str:
    name = digest_of(content)[:32]
    await registry.artifacts.BeginUpload(begin(content, name))
    done = await registry.artifacts.WriteUpload(chunks(content, name))
    assert done.complete
    return digest_of(content)


def version(content: bytes, request_id: str = "push-1", **other: Any) -> pb.CreateVersionRequest:
    values: dict[str, Any] = {"digest": digest_of(content), "size_bytes": len(content), **other}
    return pb.CreateVersionRequest(
        version=registry_pb2.PushHeader(model="models/iris", request_id=request_id, **values)
    )


async def folder(registry: Registry, files: dict[str, bytes]) -> bytes:
    """Uploads what is in a folder; its manifest."""
    for content in files.values():
        await upload(registry, content)
    listed = [File(path, digest_of(data), len(data)) for path, data in files.items()]
    manifest = Manifest.of(listed).encode()
    await upload(registry, manifest)
    return manifest


async def test_an_upload_in_pieces_becomes_a_version(registry: Registry, onnx_model: bytes) -> None:
    await upload(registry, onnx_model)

    made = await registry.artifacts.CreateVersion(version(onnx_model, description="in pieces"))

    assert made.name == "models/iris/versions/1"
    assert (made.size_bytes, made.total_bytes) == (len(onnx_model), len(onnx_model))
    assert (made.folder_files, made.description) == (0, "in pieces")
    assert [spec.name for spec in made.signature.inputs] == ["x"]


async def test_an_upload_that_stopped_goes_on_where_it_was(
    registry: Registry, onnx_model: bytes
) -> None:
    await registry.artifacts.BeginUpload(begin(onnx_model))
    first = await registry.artifacts.WriteUpload(chunks(onnx_model[:50]))

    asked = await registry.artifacts.BeginUpload(begin(onnx_model))
    done = await registry.artifacts.WriteUpload(chunks(onnx_model, start=asked.committed_bytes))

    assert (first.committed_bytes, first.complete) == (50, False)
    assert asked == first
    assert (done.committed_bytes, done.complete) == (len(onnx_model), True)


async def test_a_chunk_that_comes_twice_counts_once(registry: Registry, onnx_model: bytes) -> None:
    await registry.artifacts.BeginUpload(begin(onnx_model))
    await registry.artifacts.WriteUpload(chunks(onnx_model[:50]))

    done = await registry.artifacts.WriteUpload(chunks(onnx_model))  # all of it again

    assert done.complete


async def test_what_is_kept_is_never_sent_again(registry: Registry, onnx_model: bytes) -> None:
    await upload(registry, onnx_model)

    assert (await registry.artifacts.BeginUpload(begin(onnx_model, "another"))).complete


async def test_the_same_create_gives_the_same_version(
    registry: Registry, onnx_model: bytes
) -> None:
    await upload(registry, onnx_model)

    first = await registry.artifacts.CreateVersion(version(onnx_model))

    assert await registry.artifacts.CreateVersion(version(onnx_model)) == first


async def test_a_lie_about_the_digest_is_refused_and_leaves_nothing(
    registry: Registry, onnx_model: bytes
) -> None:
    await registry.artifacts.BeginUpload(begin(onnx_model, digest="a" * 64))

    error = await refusal(registry.artifacts.WriteUpload(chunks(onnx_model)))

    assert error.reason == "DIGEST_MISMATCH"
    assert registry.files() == []


async def test_a_lie_about_the_size_is_refused(registry: Registry, onnx_model: bytes) -> None:
    await registry.artifacts.BeginUpload(begin(onnx_model, size_bytes=60))

    error = await refusal(registry.artifacts.WriteUpload(chunks(onnx_model)))

    assert error.reason == "SIZE_MISMATCH"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (begin(b"x", "../up"), "UPLOAD_ID_INVALID"),
        (begin(b"x", ""), "UPLOAD_ID_INVALID"),
        (begin(b"x", digest="A" * 64), "DIGEST_MALFORMED"),
        (begin(b"x", size_bytes=-1), "SIZE_MISMATCH"),
        (begin(b"x", size_bytes=MAX_BYTES + 1), "ARTIFACT_TOO_LARGE"),
    ],
)
async def test_a_begin_that_makes_no_sense_is_refused(
    registry: Registry, request_: pb.BeginUploadRequest, reason: str
) -> None:
    assert (await refusal(registry.artifacts.BeginUpload(request_))).reason == reason


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "UPLOAD_ID_INVALID"),
        ([pb.WriteUploadRequest(upload="unknown")], "UPLOAD_NOT_FOUND"),
        ([pb.WriteUploadRequest(upload="u", offset=1, chunk=b"x")], "OFFSET_PAST_END"),
        (
            [pb.WriteUploadRequest(upload="u"), pb.WriteUploadRequest(upload="v")],
            "UPLOAD_ID_INVALID",
        ),
        (
            [pb.WriteUploadRequest(upload="u", chunk=bytes(2 * 1024 * 1024 + 1))],
            "CHUNK_TOO_LARGE",
        ),
    ],
)
async def test_a_stream_that_makes_no_sense_is_refused(
    registry: Registry, messages: list[pb.WriteUploadRequest], reason: str
) -> None:
    await registry.artifacts.BeginUpload(begin(bytes(MAX_BYTES)))

    assert (await refusal(registry.artifacts.WriteUpload(iter(messages)))).reason == reason


async def test_a_version_of_what_is_not_kept_is_refused(registry: Registry) -> None:
    error = await refusal(registry.artifacts.CreateVersion(version(b"nowhere")))

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "ARTIFACT_MISSING")


async def test_a_model_whose_weights_lie_beside_it_becomes_a_version(registry: Registry) -> None:
    files = onnx_files.with_weights_beside(columns=4)
    manifest = await folder(registry, files)

    made = await registry.artifacts.CreateVersion(version(manifest))

    assert made.digest == digest_of(manifest)
    assert made.folder_files == 2
    assert made.total_bytes == len(manifest) + sum(map(len, files.values()))
    assert [spec.shape for spec in made.signature.inputs] == [[-1, 4]]
    left = [path.name for path in registry.files()]
    assert sorted(left) == sorted(digest_of(data) for data in [manifest, *files.values()])


async def test_a_folder_without_one_of_its_files_is_refused(registry: Registry) -> None:
    files = onnx_files.with_weights_beside(columns=4)
    listed = [File(path, digest_of(data), len(data)) for path, data in files.items()]
    manifest = Manifest.of(listed).encode()
    await upload(registry, manifest)
    await upload(registry, files["model.onnx"])

    error = await refusal(registry.artifacts.CreateVersion(version(manifest)))

    assert error.reason == "ARTIFACT_MISSING"
    assert error.metadata["digest"] == digest_of(files["weights.bin"])


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.onnx": b"1", "b.onnx": b"2"}, "MODEL_FILE_AMBIGUOUS"),
        ({"deep/model.onnx": b"1"}, "MODEL_FILE_AMBIGUOUS"),
        ({"model.onnx": b"not a model"}, "ARTIFACT_NOT_LOADABLE"),
    ],
)
async def test_a_folder_that_cannot_be_served_is_refused(
    registry: Registry, files: dict[str, bytes], reason: str
) -> None:
    manifest = await folder(registry, files)

    assert (await refusal(registry.artifacts.CreateVersion(version(manifest)))).reason == reason


async def test_a_manifest_that_is_forged_is_refused(registry: Registry) -> None:
    forged = b'{"algolink_manifest":1,"files":[["../../etc/passwd","' + b"a" * 64 + b'",1]]}'
    await upload(registry, forged)

    error = await refusal(registry.artifacts.CreateVersion(version(forged)))

    assert error.reason == "FILE_PATH_INVALID"


async def test_a_part_of_an_artifact_is_downloaded(registry: Registry, onnx_model: bytes) -> None:
    await upload(registry, onnx_model)
    request = registry_pb2.DownloadArtifactRequest(
        digest=digest_of(onnx_model), offset=5, max_bytes=20
    )

    stream = registry.stub.DownloadArtifact(request)

    assert b"".join([message.chunk async for message in stream]) == onnx_model[5:25]


async def test_a_negative_number_of_bytes_is_refused(registry: Registry, onnx_model: bytes) -> None:
    request = registry_pb2.DownloadArtifactRequest(digest=digest_of(onnx_model), max_bytes=-1)

    error = await refusal(registry.stub.DownloadArtifact(request).read())

    assert error.reason == "MAX_BYTES_INVALID"
