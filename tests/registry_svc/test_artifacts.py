from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from algolink.errors import FailedPrecondition, InvalidArgument, ResourceExhausted
from registry_svc.artifacts import ArtifactFolder

BYTES = b"an artifact"
DIGEST = hashlib.sha256(BYTES).hexdigest()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@contextmanager
def files_at_most(size_bytes: int) -> Iterator[None]:
    """Lets no file of this process grow beyond a size, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
async def artifacts(tmp_path: Path) -> ArtifactFolder:
    folder = ArtifactFolder(tmp_path)
    await folder.open()
    return folder


async def keep(artifacts: ArtifactFolder, data: bytes = BYTES) -> str:
    digest = hashlib.sha256(data).hexdigest()
    async with artifacts.upload(digest=digest, size_bytes=len(data)) as upload:
        await upload.write(data)
        await upload.finish()
        await artifacts.keep(upload, digest)
    return digest


async def test_what_is_kept_is_read_back(artifacts: ArtifactFolder, tmp_path: Path) -> None:
    await keep(artifacts)

    pieces = [piece async for piece in artifacts.read(DIGEST, 3)]

    assert b"".join(pieces) == BYTES[3:]
    assert files(tmp_path) == [tmp_path / DIGEST[:2] / DIGEST]


async def test_the_same_artifact_is_kept_once(artifacts: ArtifactFolder, tmp_path: Path) -> None:
    await keep(artifacts)
    await keep(artifacts)

    assert len(files(tmp_path)) == 1


async def test_an_upload_that_is_not_kept_is_gone(
    artifacts: ArtifactFolder, tmp_path: Path
) -> None:
    async with artifacts.upload(digest=DIGEST, size_bytes=len(BYTES)) as upload:
        await upload.write(BYTES)
        assert len(files(tmp_path)) == 1

    assert files(tmp_path) == []


async def test_bytes_of_another_digest_are_refused(artifacts: ArtifactFolder) -> None:
    async with artifacts.upload(digest="a" * 64, size_bytes=len(BYTES)) as upload:
        await upload.write(BYTES)
        with pytest.raises(InvalidArgument) as caught:
            await upload.finish()

    assert caught.value.reason == "DIGEST_MISMATCH"
    assert caught.value.metadata == {"received": DIGEST, "announced": "a" * 64}


async def test_a_full_disk_is_told_and_leaves_nothing(
    artifacts: ArtifactFolder, tmp_path: Path
) -> None:
    data = bytes(100_000)
    async with artifacts.upload(digest=DIGEST, size_bytes=len(data)) as upload:
        with files_at_most(1_000), pytest.raises(ResourceExhausted) as caught:
            await upload.write(data)

    assert caught.value.reason == "DISK_FULL"
    assert files(tmp_path) == []


async def test_a_start_removes_what_a_killed_upload_left_and_nothing_else(
    artifacts: ArtifactFolder, tmp_path: Path
) -> None:
    await keep(artifacts)
    killed = tmp_path / "incoming" / "killed"
    killed.write_bytes(b"half")

    async with artifacts.upload(digest=DIGEST, size_bytes=len(BYTES)) as living:
        await ArtifactFolder(tmp_path).open()

        assert living.path.exists()
    assert not killed.exists()
    assert await artifacts.size(DIGEST) == len(BYTES)


async def test_a_folder_that_cannot_be_written_is_a_clear_error() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        await ArtifactFolder(Path("/proc/artifacts")).open()

    assert caught.value.reason == "ARTIFACT_DIR_NOT_WRITABLE"
