from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    OutOfRange,
    ResourceExhausted,
)
from registry_svc.staging import Staging

BYTES = b"an artifact that comes in pieces"
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
async def staging(tmp_path: Path) -> Staging:
    return await reopened(tmp_path)


async def reopened(folder: Path) -> Staging:
    staging = Staging(folder)
    await staging.open()
    return staging


async def test_an_arrival_of_one_call_is_gone_when_left(staging: Staging, tmp_path: Path) -> None:
    async with staging.arrival(digest=DIGEST, size_bytes=len(BYTES)) as arrival:
        await arrival.append(BYTES)
        await arrival.finish()
        assert arrival.path.read_bytes() == BYTES

    assert files(tmp_path) == []


async def test_bytes_of_another_digest_are_refused(staging: Staging) -> None:
    async with staging.arrival(digest="a" * 64, size_bytes=len(BYTES)) as arrival:
        await arrival.append(BYTES)
        with pytest.raises(InvalidArgument) as caught:
            await arrival.finish()

    assert caught.value.reason == "DIGEST_MISMATCH"
    assert caught.value.metadata == {"received": DIGEST, "announced": "a" * 64}


async def test_a_full_disk_is_told_and_leaves_nothing(staging: Staging, tmp_path: Path) -> None:
    async with staging.arrival(digest=DIGEST, size_bytes=100_000) as arrival:
        with files_at_most(1_000), pytest.raises(ResourceExhausted) as caught:
            await arrival.append(bytes(100_000))

    assert caught.value.reason == "DISK_FULL"
    assert files(tmp_path) == []


async def test_a_start_removes_what_killed_calls_left_and_nothing_else(
    staging: Staging, tmp_path: Path
) -> None:
    (tmp_path / "room-killed").mkdir()
    (tmp_path / "room-killed" / "data").write_bytes(b"half")
    (tmp_path / "of-the-first-release").write_bytes(b"half")
    await staging.begin("mine", digest=DIGEST, size_bytes=len(BYTES))

    async with staging.arrival(digest=DIGEST, size_bytes=len(BYTES)) as living:
        again = await reopened(tmp_path)

        assert living.path.exists()
    assert not (tmp_path / "room-killed").exists()
    assert not (tmp_path / "of-the-first-release").exists()
    assert (await again.find("mine")).digest == DIGEST


async def test_an_upload_goes_on_after_a_restart(staging: Staging, tmp_path: Path) -> None:
    first = await staging.begin("u", digest=DIGEST, size_bytes=len(BYTES))
    await first.write(0, BYTES[:7])

    later = await (await reopened(tmp_path)).begin("u", digest=DIGEST, size_bytes=len(BYTES))
    await later.write(later.received, BYTES[7:])
    await later.finish()

    assert first.received == 7
    assert later.path.read_bytes() == BYTES


@given(
    pieces=st.lists(
        st.tuples(st.integers(0, len(BYTES)), st.integers(0, len(BYTES)), st.booleans()),
        max_size=30,
    )
)
async def test_whatever_comes_twice_or_too_early_the_bytes_are_right(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[int, int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("staging")
    staging = await reopened(folder)
    committed = 0
    for offset, end, restarts in pieces:
        if restarts:
            staging = await reopened(folder)
        arrival = await staging.begin("u", digest=DIGEST, size_bytes=len(BYTES))
        assert arrival.received == committed
        if offset > committed:
            with pytest.raises(OutOfRange):
                await arrival.write(offset, BYTES[offset:end])
            continue
        await arrival.write(offset, BYTES[offset:end])
        committed = max(committed, min(end, len(BYTES)) if end > offset else 0)
    arrival = await staging.begin("u", digest=DIGEST, size_bytes=len(BYTES))
    await arrival.write(committed, BYTES[committed:])

    await arrival.finish()

    assert arrival.path.read_bytes() == BYTES


async def test_other_bytes_at_a_place_that_has_some_are_refused(staging: Staging) -> None:
    arrival = await staging.begin("u", digest=DIGEST, size_bytes=len(BYTES))
    await arrival.write(0, BYTES[:9])

    with pytest.raises(InvalidArgument) as caught:
        await arrival.write(3, b"not the same bytes")

    assert caught.value.reason == "CHUNK_CONFLICT"
    assert arrival.received == 9


async def test_more_bytes_than_announced_are_refused(staging: Staging) -> None:
    arrival = await staging.begin("u", digest=DIGEST, size_bytes=len(BYTES))

    with pytest.raises(InvalidArgument) as caught:
        await arrival.write(0, BYTES + b"!")

    assert caught.value.reason == "SIZE_MISMATCH"
    assert arrival.received == 0


async def test_an_id_stands_for_one_artifact(staging: Staging) -> None:
    await staging.begin("u", digest=DIGEST, size_bytes=len(BYTES))

    with pytest.raises(AlreadyExists) as caught:
        await staging.begin("u", digest="a" * 64, size_bytes=len(BYTES))

    assert caught.value.reason == "UPLOAD_ID_REUSED"


async def test_what_is_dropped_is_not_found(staging: Staging, tmp_path: Path) -> None:
    await staging.begin("u", digest=DIGEST, size_bytes=len(BYTES))

    await staging.drop("u")
    await staging.drop("u")

    with pytest.raises(NotFound) as caught:
        await staging.find("u")
    assert caught.value.reason == "UPLOAD_NOT_FOUND"
    assert files(tmp_path) == []


async def test_uploads_to_which_nothing_came_are_dropped(staging: Staging) -> None:
    old = await staging.begin("old", digest=DIGEST, size_bytes=len(BYTES))
    await staging.begin("new", digest=DIGEST, size_bytes=len(BYTES))
    os.utime(old.path, (1_000, 1_000))

    assert await staging.drop_older_than(datetime.fromtimestamp(2_000, UTC)) == ["old"]

    assert (await staging.find("new")).received == 0


async def test_a_folder_that_cannot_be_written_is_a_clear_error() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        await Staging(Path("/proc/staging")).open()

    assert caught.value.reason == "ARTIFACT_DIR_NOT_WRITABLE"
