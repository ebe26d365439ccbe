from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink import manifest
from algolink.errors import InvalidArgument
from algolink.manifest import File, Manifest

DIGEST = "a" * 64


def a_file(path: str = "model.onnx", digest: str = DIGEST, size_bytes: int = 1) -> File:
    return File(path, digest, size_bytes)


names = st.text("abc.-_ ü", min_size=1, max_size=5).filter(lambda name: name not in (".", ".."))


@given(st.sets(names, min_size=1, max_size=20), st.randoms())
def test_the_same_files_give_the_same_bytes_in_whatever_order(
    paths: set[str], random: object
) -> None:
    files = [a_file(path, size_bytes=len(path)) for path in sorted(paths)]
    shuffled = list(files)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random

    encoded = Manifest.of(shuffled).encode()

    assert encoded == Manifest.of(files).encode()
    assert Manifest.parse(encoded).files == tuple(files)
    assert manifest.is_manifest(encoded[:24])


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "a//b", "a/", "..", "a/../b", ".", "a\\b", "a\x00b", "x" * 256, "\ud800"],
)
def test_a_path_that_leaves_its_folder_or_cannot_be_a_file_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        manifest.check_path(path)

    assert caught.value.reason == "FILE_PATH_INVALID"


@pytest.mark.parametrize(
    "files",
    [
        [],
        [a_file("a"), a_file("a", "b" * 64)],
        [a_file("a"), a_file("a/b")],
        [a_file("a/b/c"), a_file("a/b")],
        [a_file(size_bytes=-1)],
        [a_file(str(n)) for n in range(manifest.MAX_FILES + 1)],
    ],
)
def test_files_that_are_no_folder_are_refused(files: list[File]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Manifest.of(files)

    assert caught.value.reason == "MANIFEST_INVALID"


GOOD = Manifest.of([a_file()]).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        GOOD + b"\n",
        json.dumps(json.loads(GOOD)).encode(),
        GOOD.replace(b'",1]', b'","1"]'),
        GOOD.replace(b'",1]', b'",true]'),
        GOOD.replace(b'",1]', b'",1,2]'),
        GOOD.replace(b":1,", b":2,"),
        b'{"algolink_manifest":1,"files":' + b"[" * 100_000,
    ],
)
def test_what_is_not_written_as_a_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Manifest.parse(content)

    assert caught.value.reason == "MANIFEST_INVALID"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["model.onnx", "other.onnx"], "model.onnx"),
        (["net.onnx", "weights/0.bin"], "net.onnx"),
        (["net.onnx", "deep/model.onnx"], "net.onnx"),
    ],
)
def test_the_model_is_found(paths: list[str], expected: str) -> None:
    assert Manifest.of([a_file(path) for path in paths]).onnx_path == expected
