"""Loading, failing, trying again; and the cache under it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from algolink.errors import DataLoss, Unavailable
from inference_svc.artifacts import ArtifactCache
from inference_svc.domain.holding import State
from inference_svc.wanted_file import WantedFile
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import MemorySource, a_host, a_wanted_version, until_host


async def test_a_load_that_failed_is_tried_again(tmp_path: Path) -> None:
    source = MemorySource()
    wanted = a_wanted_version("scaled", 1, onnx_models.scaled(10.0))
    async with a_host(tmp_path, source, [wanted]) as host:
        await until_host(host, lambda: host.holdings[0].failures >= 2)
        assert "no artifact" in host.holdings[0].message

        source.add("scaled", 1, onnx_models.scaled(10.0))

        await until_host(host, lambda: host.holdings[0].state is State.READY)
        assert host.holdings[0].message == ""


async def test_what_is_lost_with_its_engine_is_loaded_again(tmp_path: Path) -> None:
    source = MemorySource()
    wanted = source.add("scaled", 1, onnx_models.scaled(10.0))
    async with a_host(tmp_path, source, [wanted]) as host:
        await until_host(host, lambda: host.holdings[0].state is State.READY)

        host.lose_all()

        assert host.holdings[0].state is State.WANTED
        with pytest.raises(Unavailable, match="is being loaded"), host.borrow("scaled", 1):
            pass
        await until_host(host, lambda: host.holdings[0].state is State.READY)


async def test_what_is_lost_and_not_wanted_any_more_goes(tmp_path: Path) -> None:
    source = MemorySource()
    wanted = source.add("scaled", 1, onnx_models.scaled(10.0))
    async with a_host(tmp_path, source, [wanted]) as host:
        await until_host(host, lambda: host.holdings[0].state is State.READY)

        host.lose_all()
        host.want([], whole=True)

        await until_host(host, lambda: not host.holdings and host.memory_bytes == 0)


async def test_a_version_that_failed_and_is_not_wanted_any_more_goes(tmp_path: Path) -> None:
    source = MemorySource()
    broken = source.add("broken", 1, b"no model")
    async with a_host(tmp_path, source, [broken]) as host:
        await until_host(host, lambda: host.holdings[0].failures > 0)

        host.want([], whole=True)

        await until_host(host, lambda: not host.holdings)


async def test_a_version_that_is_withdrawn_while_it_loads_never_takes_a_request(
    tmp_path: Path,
) -> None:
    source = MemorySource()
    source.open.clear()
    wanted = source.add("scaled", 1, onnx_models.scaled(10.0))
    async with a_host(tmp_path, source, [wanted]) as host:
        await until_host(host, lambda: host.holdings[0].state is State.LOADING)

        host.want([], whole=True)
        source.open.set()

        await until_host(host, lambda: not host.holdings)
        assert host.memory_bytes == 0


async def test_one_artifact_of_two_versions_is_fetched_once(tmp_path: Path) -> None:
    source = MemorySource()
    versions = [source.add("scaled", number, onnx_models.scaled(10.0)) for number in (1, 2)]
    async with a_host(tmp_path, source, versions) as host:
        await until_host(host, lambda: all(h.state is State.READY for h in host.holdings))

    assert len(source.downloads) == 1


async def test_an_artifact_that_changed_on_disk_is_fetched_again(tmp_path: Path) -> None:
    source = MemorySource()
    wanted = source.add("scaled", 1, onnx_models.scaled(10.0))
    cache = ArtifactCache(tmp_path, source)
    path = await cache.get(wanted.digest, wanted.size_bytes)
    damage(path)

    await cache.get(wanted.digest, wanted.size_bytes)

    assert digest(path) == wanted.digest
    assert len(source.downloads) == 2


def damage(path: Path) -> None:
    path.write_bytes(b"damaged")


def listing(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(b"other", "DIGEST_MISMATCH"), (b"short"[:3], "SIZE_MISMATCH"), (b"x" * 500, "SIZE_MISMATCH")],
)
async def test_what_is_not_the_artifact_leaves_nothing_behind(
    tmp_path: Path, sent: bytes, reason: str
) -> None:
    source = MemorySource()
    wanted = a_wanted_version("scaled", 1, b"12345")
    source.artifacts[wanted.digest] = sent
    cache = ArtifactCache(tmp_path, source)

    with pytest.raises(DataLoss) as caught:
        await cache.get(wanted.digest, wanted.size_bytes)

    assert caught.value.reason == reason
    assert listing(tmp_path) == []


def test_what_a_crash_left_half_done_is_removed(tmp_path: Path) -> None:
    (tmp_path / "abc.partial").write_bytes(b"half")

    ArtifactCache(tmp_path, MemorySource()).open()

    assert list(tmp_path.iterdir()) == []


def test_the_wanted_set_is_read_as_it_was_written(tmp_path: Path) -> None:
    wanted = (replace(a_wanted_version("a", 1), is_champion=True), a_wanted_version("b", 2))
    WantedFile(tmp_path / "wanted.json").write(wanted)

    read = WantedFile(tmp_path / "wanted.json").read()
    assert read == wanted
    assert [version.is_champion for version in read or ()] == [True, False]
    assert WantedFile(tmp_path / "nothing.json").read() is None
