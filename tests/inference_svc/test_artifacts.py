"""A bounded folder of artifacts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from algolink.errors import DataLoss, Unavailable
from algolink.manifest import File, Manifest
from inference_svc.artifacts import ArtifactCache
from inference_svc.domain.holding import State, WantedVersion
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import MemorySource, a_host, until_host


async def a_filled_cache(
    folder: Path, source: MemorySource, sizes: list[int], max_bytes: int | None
) -> tuple[ArtifactCache, list[str]]:
    """A cache that has fetched one artifact per size, in that order; and their digests."""
    cache = ArtifactCache(folder, source, max_bytes)
    digests = []
    for number, size in enumerate(sizes, start=1):
        wanted = source.add("model", number, bytes([number]) * size)
        path = await cache.get(wanted.digest, wanted.size_bytes)
        os.utime(path, (number, number))
        digests.append(wanted.digest)
    return cache, digests


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_what_was_used_longest_ago_goes_until_the_rest_fits(tmp_path: Path) -> None:
    cache, (first, second, third) = await a_filled_cache(
        tmp_path, MemorySource(), [100, 100, 100], max_bytes=250
    )
    await cache.get(first, 100)

    await cache.trim(lambda _: False)

    assert kept(tmp_path) == {first, third}
    assert second not in kept(tmp_path)


async def test_what_must_stay_stays_even_past_the_bound(tmp_path: Path) -> None:
    cache, digests = await a_filled_cache(tmp_path, MemorySource(), [100, 100], max_bytes=0)

    await cache.trim(lambda digest: digest == digests[0])

    assert kept(tmp_path) == {digests[0]}


async def test_what_is_fetched_after_a_trim_counts_for_the_next(tmp_path: Path) -> None:
    source = MemorySource()
    cache, (first,) = await a_filled_cache(tmp_path, source, [100], max_bytes=150)
    await cache.trim(lambda _: False)
    other = source.add("other", 1, b"x" * 100)

    await cache.get(other.digest, 100)
    await cache.trim(lambda digest: digest == other.digest)

    assert first not in kept(tmp_path)
    assert other.digest in kept(tmp_path)


async def test_a_download_that_is_under_way_is_no_artifact_to_remove(tmp_path: Path) -> None:
    cache, _ = await a_filled_cache(tmp_path, MemorySource(), [100], max_bytes=0)
    (tmp_path / "abc.partial").write_bytes(b"half")

    await cache.trim(lambda _: False)

    assert kept(tmp_path) == {"abc.partial"}


async def test_without_a_bound_everything_stays(tmp_path: Path) -> None:
    cache, digests = await a_filled_cache(tmp_path, MemorySource(), [100, 100], max_bytes=None)

    await cache.trim(lambda _: False)

    assert kept(tmp_path) == set(digests)


async def test_a_host_lets_go_of_what_it_holds_no_more_and_never_of_what_it_holds(
    tmp_path: Path,
) -> None:
    source = MemorySource()
    wanted = [source.add("scaled", number, onnx_models.scaled(10.0 * number)) for number in (1, 2)]
    async with a_host(tmp_path, source, wanted, max_artifact_bytes=1) as host:
        await until_host(host, lambda: all(h.state is State.READY for h in host.holdings))
        assert kept(tmp_path) == {version.digest for version in wanted}

        host.want(wanted[1:], whole=True)
        await until_host(host, lambda: kept(tmp_path) == {wanted[1].digest})


async def test_a_stream_that_breaks_goes_on_where_it_broke(tmp_path: Path) -> None:
    source = MemorySource()
    content = bytes(range(256)) * 4
    wanted = source.add("model", 1, content)
    source.breaks_after = [300, 70]
    cache = ArtifactCache(tmp_path, source)

    path = await cache.get(wanted.digest, wanted.size_bytes)

    assert path.read_bytes() == content
    assert source.offsets == [0, 300, 370]


async def test_a_later_try_goes_on_where_a_failed_one_ended(tmp_path: Path) -> None:
    source = MemorySource()
    content = bytes(range(256)) * 4
    wanted = source.add("model", 1, content)
    source.breaks_after = [300, 0]
    cache = ArtifactCache(tmp_path, source)
    with pytest.raises(Unavailable):
        await cache.get(wanted.digest, wanted.size_bytes)

    path = await cache.get(wanted.digest, wanted.size_bytes)

    assert path.read_bytes() == content
    assert source.offsets == [0, 300, 300]


async def test_a_beginning_that_proves_wrong_is_not_kept(tmp_path: Path) -> None:
    source = MemorySource()
    wanted = source.add("model", 1, b"right" * 100)
    (tmp_path / f"{wanted.digest}.partial").write_bytes(b"wrong" * 10)
    cache = ArtifactCache(tmp_path, source)
    with pytest.raises(DataLoss) as caught:
        await cache.get(wanted.digest, wanted.size_bytes)

    path = await cache.get(wanted.digest, wanted.size_bytes)

    assert caught.value.reason == "DIGEST_MISMATCH"
    assert path.read_bytes() == b"right" * 100


def a_folder(source: MemorySource, files: dict[str, bytes]) -> WantedVersion:
    """A version that is a folder with these files."""
    listed = [
        File(path, source.add("file", n, data).digest, len(data))
        for n, (path, data) in enumerate(files.items(), start=1)
    ]
    return source.add("folder", 1, Manifest.of(listed).encode())


async def test_a_folder_is_fetched_and_its_model_is_what_is_loaded(tmp_path: Path) -> None:
    source = MemorySource()
    wanted = a_folder(source, {"net.onnx": b"the net", "deep/weights": b"the weights"})
    cache = ArtifactCache(tmp_path, source)

    path = await cache.get(wanted.digest, wanted.size_bytes)

    assert path.name == "net.onnx"
    assert path.read_bytes() == b"the net"
    assert (path.parent / "deep" / "weights").read_bytes() == b"the weights"


async def test_only_what_is_damaged_in_a_folder_is_fetched_again(tmp_path: Path) -> None:
    source = MemorySource()
    wanted = a_folder(source, {"net.onnx": b"the net", "deep/weights": b"the weights"})
    path = await ArtifactCache(tmp_path, source).get(wanted.digest, wanted.size_bytes)
    (path.parent / "deep" / "weights").write_bytes(b"the weighty")
    source.downloads.clear()

    await ArtifactCache(tmp_path, source).get(wanted.digest, wanted.size_bytes)

    assert (path.parent / "deep" / "weights").read_bytes() == b"the weights"
    assert len(source.downloads) == 1


async def test_a_folder_goes_as_a_whole(tmp_path: Path) -> None:
    source = MemorySource()
    wanted = a_folder(source, {"net.onnx": b"the net", "deep/weights": b"the weights"})
    cache = ArtifactCache(tmp_path, source, max_bytes=10)
    await cache.get(wanted.digest, wanted.size_bytes)

    await cache.trim(lambda _: False)

    assert kept(tmp_path) == set()
