"""What every place for artifacts does, and what each can run into."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import obstore
import pytest

from algolink.errors import (
    DataLoss,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    OutOfRange,
    Unavailable,
)
from registry_svc.artifacts import READ_BYTES, Artifacts
from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.artifacts_objects import ArtifactObjects, store_of
from tests.object_store import ObjectServer

BYTES = bytes(range(256)) * 5_000  # more than one piece
DIGEST = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture(params=["folder", "objects"])
async def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    if request.param == "folder":
        made: Artifacts = ArtifactFolder(tmp_path / "artifacts")
    else:
        server: ObjectServer = request.getfixturevalue("objects")
        made = ArtifactObjects(store_of(server.bucket(), endpoint=server.endpoint))
    await made.open()
    return made


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    path = tmp_path / "staged"
    path.write_bytes(BYTES)
    return path


async def read(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def collect(pieces: AsyncIterator[bytes], into: list[bytes]) -> None:
    async for piece in pieces:
        into.append(piece)  # noqa: PERF401 - what came before an error is kept


async def test_what_is_kept_is_read_back_in_bounded_pieces(
    artifacts: Artifacts, staged: Path
) -> None:
    await artifacts.keep(staged, DIGEST)

    pieces = [piece async for piece in artifacts.read(DIGEST)]

    assert b"".join(pieces) == BYTES
    assert max(map(len, pieces)) <= READ_BYTES
    assert (await artifacts.find(DIGEST)).size_bytes == len(BYTES)


@pytest.mark.parametrize(
    ("offset", "limit"), [(3, None), (3, 10), (0, 1), (len(BYTES), None), (len(BYTES) - 2, 99)]
)
async def test_a_range_is_read(
    artifacts: Artifacts, staged: Path, offset: int, limit: int | None
) -> None:
    await artifacts.keep(staged, DIGEST)

    end = None if limit is None else offset + limit
    assert await read(artifacts.read(DIGEST, offset, limit)) == BYTES[offset:end]


@pytest.mark.parametrize("offset", [-1, len(BYTES) + 1])
async def test_an_offset_past_the_end_is_refused(
    artifacts: Artifacts, staged: Path, offset: int
) -> None:
    await artifacts.keep(staged, DIGEST)

    with pytest.raises(OutOfRange) as caught:
        await read(artifacts.read(DIGEST, offset))

    assert caught.value.reason == "OFFSET_PAST_END"


async def test_what_is_not_kept_is_not_found(artifacts: Artifacts, tmp_path: Path) -> None:
    for attempt in (
        artifacts.find(DIGEST),
        read(artifacts.read(DIGEST)),
        artifacts.place(DIGEST, tmp_path / "placed"),
    ):
        with pytest.raises(NotFound) as caught:
            await attempt
        assert caught.value.reason == "ARTIFACT_NOT_FOUND"


async def test_the_same_artifact_is_kept_once(artifacts: Artifacts, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(BYTES)
        await artifacts.keep(tmp_path / name, DIGEST)

    kept = [each async for each in artifacts.kept()]

    assert [(each.digest, each.size_bytes) for each in kept] == [(DIGEST, len(BYTES))]
    assert kept[0].time.tzinfo is not None


async def test_a_placed_file_holds_the_artifact(
    artifacts: Artifacts, staged: Path, tmp_path: Path
) -> None:
    await artifacts.keep(staged, DIGEST)

    await artifacts.place(DIGEST, tmp_path / "placed")

    assert (tmp_path / "placed").read_bytes() == BYTES


async def test_what_is_removed_is_gone_and_can_be_removed_again(
    artifacts: Artifacts, staged: Path
) -> None:
    await artifacts.keep(staged, DIGEST)

    await artifacts.remove(DIGEST)
    await artifacts.remove(DIGEST)

    assert [each async for each in artifacts.kept()] == []


async def test_other_bytes_under_its_name_are_never_passed_off_as_the_artifact(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(BYTES[::-1])
    await artifacts.keep(tmp_path / "other", DIGEST)  # as a store that mixes up its objects
    came: list[bytes] = []

    with pytest.raises(DataLoss) as caught:
        await collect(artifacts.read(DIGEST), came)

    assert caught.value.reason == "ARTIFACT_DAMAGED"
    assert sum(map(len, came)) < len(BYTES)
    with pytest.raises(DataLoss):
        await artifacts.place(DIGEST, tmp_path / "placed")


async def test_a_folder_that_cannot_be_written_is_a_clear_error() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        await ArtifactFolder(Path("/proc/artifacts")).open()

    assert caught.value.reason == "ARTIFACT_DIR_NOT_WRITABLE"


async def test_a_large_artifact_is_sent_in_parts(objects: ObjectServer, tmp_path: Path) -> None:
    content = BYTES * 8  # more than one part
    (tmp_path / "large").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    store = store_of(objects.bucket(), endpoint=objects.endpoint)
    artifacts = ArtifactObjects(store)

    await artifacts.keep(tmp_path / "large", digest)

    assert await read(artifacts.read(digest)) == content
    head = await obstore.head_async(store, f"{digest[:2]}/{digest}")
    assert "-" in str(head["e_tag"])  # S3's way to say that it came in parts


async def test_somebody_elses_objects_are_no_artifacts(objects: ObjectServer) -> None:
    store = store_of(objects.bucket(), endpoint=objects.endpoint)
    await obstore.put_async(store, "notes.txt", b"not ours")

    assert [each async for each in ArtifactObjects(store).kept()] == []


async def test_an_object_store_that_is_down_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, objects: ObjectServer, staged: Path
) -> None:
    down = ArtifactObjects(
        store_of("s3://artifacts/registry", endpoint="http://127.0.0.1:1", timeout_s=1)
    )

    for attempt in (down.find(DIGEST), down.keep(staged, DIGEST), read(down.read(DIGEST))):
        with pytest.raises(Unavailable) as caught:
            await attempt
        assert caught.value.reason == "ARTIFACT_STORE_UNAVAILABLE"


async def test_an_object_store_that_does_not_answer_is_unavailable(
    objects: ObjectServer,
) -> None:
    silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    host, port = silent.sockets[0].getsockname()
    slow = ArtifactObjects(
        store_of("s3://artifacts/registry", endpoint=f"http://{host}:{port}", timeout_s=0.3)
    )

    with pytest.raises(Unavailable) as caught:
        await slow.find(DIGEST)

    silent.close()
    assert caught.value.reason == "ARTIFACT_STORE_UNAVAILABLE"


async def test_a_bucket_that_is_not_there_fails_the_start(objects: ObjectServer) -> None:
    artifacts = ArtifactObjects(store_of("s3://no-such-bucket/x", endpoint=objects.endpoint))

    with pytest.raises(FailedPrecondition) as caught:
        await artifacts.open()

    assert caught.value.reason == "ARTIFACT_STORE_REFUSED"
    assert "bucket does not exist" in str(caught.value)


@pytest.mark.parametrize("url", ["", "artifacts", "ftp://host/x", "s3://"])
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        store_of(url)

    assert caught.value.reason == "ARTIFACT_URL_INVALID"
