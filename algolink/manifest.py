"""What a folder is made of: the artifact of a version that is more than one file.

A manifest is one line of JSON that the same files always give, so that its
SHA-256 can stand for the folder. No model file begins as it does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from algolink import names
from algolink.errors import InvalidArgument

MAX_FILES = 1_000
MAX_PATH_BYTES = 255
MAX_BYTES = 1024 * 1024
"""Bytes that an encoded manifest may have."""

_MAGIC = b'{"algolink_manifest":1,'
_SEGMENT = re.compile(r"[^/\\\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True, order=True)
class File:
    """One file of a folder.

    Attributes:
        path: relative, with `/` between its parts.
        digest: SHA-256, 64 lower-case hex digits.
        size_bytes: at least 0.
    """

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a folder, by path; checked when it is made.

    Raises:
        InvalidArgument: MANIFEST_INVALID, FILE_PATH_INVALID or DIGEST_MALFORMED.
    """

    files: tuple[File, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.files) <= MAX_FILES:
            raise _invalid(f"a folder has 1 to {MAX_FILES} files, not {len(self.files)}")
        paths = [file.path for file in self.files]
        if paths != sorted(set(paths)):
            raise _invalid("its files must be in order, each once")
        folders = {
            "/".join(path.split("/")[:n]) for path in paths for n in range(1, path.count("/") + 1)
        }
        if clash := folders.intersection(paths):
            raise _invalid(f"{names.shown(min(clash))} is both a file and a folder")
        for file in self.files:
            check_path(file.path)
            names.check_digest(file.digest)
            if file.size_bytes < 0:
                raise _invalid(f"{names.shown(file.path)} has {file.size_bytes} bytes")

    @classmethod
    def of(cls, files: Iterable[File]) -> Self:
        """The manifest of files in whatever order."""
        return cls(tuple(sorted(files)))

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Reads what `encode` gave, and nothing else.

        >>> one = Manifest.of([File("model.onnx", "a" * 64, 3)])
        >>> Manifest.parse(one.encode()) == one
        True
        """
        try:
            value: Any = json.loads(content)
            files = tuple(File(*file) for file in value["files"])
            if not all(
                type(file.path) is str and type(file.digest) is str and type(file.size_bytes) is int
                for file in files
            ):
                raise _invalid("its files are not [path, digest, size]")
            manifest = cls(files)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise _invalid("it is not the JSON of a manifest") from error
        if manifest.encode() != content:
            raise _invalid("it is not written as a manifest is")
        return manifest

    def encode(self) -> bytes:
        """The bytes whose SHA-256 stands for the folder."""
        files = [[file.path, file.digest, file.size_bytes] for file in self.files]
        value = {"algolink_manifest": 1, "files": files}
        return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()

    @property
    def size_bytes(self) -> int:
        """Size of all files together."""
        return sum(file.size_bytes for file in self.files)

    @property
    def onnx_path(self) -> str:
        """Path of the file that an ONNX engine opens.

        It is `model.onnx`, or else the only file at the top that ends with `.onnx`.

        Raises:
            InvalidArgument: MODEL_FILE_AMBIGUOUS.

        >>> Manifest.of([File("net.onnx", "a" * 64, 3), File("w/0.bin", "b" * 64, 5)]).onnx_path
        'net.onnx'
        """
        top = [f.path for f in self.files if "/" not in f.path and f.path.endswith(".onnx")]
        if "model.onnx" in top:
            return "model.onnx"
        if len(top) != 1:
            raise InvalidArgument(
                "MODEL_FILE_AMBIGUOUS",
                f"the folder has {len(top)} files *.onnx at its top: name the model model.onnx",
                files=len(top),
            )
        return top[0]


def is_manifest(head: bytes) -> bool:
    """Whether an artifact that begins with `head` (24 bytes will do) is a folder."""
    return head.startswith(_MAGIC)


def check_path(path: str) -> str:
    """Returns `path` if it stays inside its folder, else raises FILE_PATH_INVALID.

    >>> check_path("weights/0.bin")
    'weights/0.bin'
    """
    parts = path.split("/")
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        size = MAX_PATH_BYTES + 1
    if size > MAX_PATH_BYTES or not all(
        _SEGMENT.fullmatch(part) and part not in (".", "..") for part in parts
    ):
        raise InvalidArgument(
            "FILE_PATH_INVALID",
            f"{names.shown(path)} cannot be a file of an artifact: use a relative path of at most "
            f"{MAX_PATH_BYTES} bytes, without '..', backslashes and control characters",
            path=names.shown(path),
        )
    return path


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument("MANIFEST_INVALID", f"this manifest cannot be used: {why}", why=why)
