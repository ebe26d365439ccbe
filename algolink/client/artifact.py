"""What is pushed: a file, a folder, bytes, or a model object, read as often as needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from algolink import names
from algolink.client.registry import model_name
from algolink.manifest import File, Manifest
from algolink.registry.v1 import registry_pb2 as pb

CHUNK_BYTES = 1 << 20

ONE_CALL_BYTES = 16 << 20
"""Up to here a file goes in one call; what is larger, or a folder, can be taken up again."""

Progress = Callable[[int, int], None]
"""Called with (bytes handed over so far, bytes in all)."""


class Serializable(Protocol):
    """A model object, `onnx.ModelProto` for example."""

    def SerializeToString(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """One file that is sent; a path is read again for every try, never held whole.

    Attributes:
        digest: SHA-256, in hex.
        start: where it begins in the file at a path, which may hold more.
    """

    content: Path | bytes
    digest: str
    size_bytes: int
    start: int = 0

    @classmethod
    def of(cls, content: Path | bytes) -> Self:
        """Reads all of it once.

        Raises:
            OSError: if the file cannot be read.
        """
        if isinstance(content, bytes):
            return cls(content, hashlib.sha256(content).hexdigest(), len(content))
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(content, digest, file.tell())

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """The bytes from `offset` on, at most 1 MiB at a time.

        Raises:
            OSError: if the file cannot be read.
        """
        if isinstance(self.content, bytes):
            view = memoryview(self.content)
            for start in range(offset, len(view), CHUNK_BYTES):
                yield bytes(view[start : start + CHUNK_BYTES])
            return
        with self.content.open("rb") as file:
            file.seek(self.start + offset)
            left = self.size_bytes - offset
            while left and (chunk := file.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a version is made of: a file, the bytes of one, or a folder."""

    content: Path | bytes

    @classmethod
    def of(cls, onnx: str | os.PathLike[str] | bytes | Serializable) -> Artifact:
        """Takes a path, the bytes themselves, or an object that serializes itself."""
        if isinstance(onnx, bytes | bytearray | memoryview):
            return cls(bytes(onnx))
        if isinstance(onnx, str | os.PathLike):
            return cls(Path(onnx))
        return cls(onnx.SerializeToString())

    def pieces(self) -> tuple[Piece, ...]:
        """The files to send, of which the last one is the artifact; reads all of them.

        Raises:
            InvalidArgument: as `Manifest` says, if a folder cannot be pushed.
            OSError: if a file cannot be read.
        """
        if isinstance(self.content, bytes) or not self.content.is_dir():
            return (Piece.of(self.content),)
        files = {
            path.relative_to(self.content).as_posix(): Piece.of(path)
            for path in sorted(self.content.rglob("*"))
            if path.is_file()
        }
        manifest = Manifest.of(
            File(path, piece.digest, piece.size_bytes) for path, piece in files.items()
        )
        return (*files.values(), Piece.of(manifest.encode()))


def push_header(
    piece: Piece,
    *,
    model: str,
    aliases: Sequence[str],
    description: str,
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
    request_id: str,
) -> pb.PushHeader:
    """Says what will be uploaded.

    Raises:
        InvalidArgument: MODEL_ID_INVALID or ALIAS_INVALID.
    """
    name = model_name(model)
    checked = [names.check_alias(alias) for alias in aliases]
    return pb.PushHeader(
        model=str(name),
        request_id=request_id,
        digest=piece.digest,
        size_bytes=piece.size_bytes,
        description=description,
        aliases=checked,
        tags=tags,
        metrics=metrics,
    )


def push_messages(
    header: pb.PushHeader, piece: Piece, progress: Progress | None
) -> Iterator[pb.PushVersionRequest]:
    """The upload: the header, then the chunks."""
    yield pb.PushVersionRequest(header=header)
    sent = 0
    for chunk in piece.chunks():
        yield pb.PushVersionRequest(chunk=chunk)
        sent += len(chunk)
        if progress is not None:
            progress(sent, header.size_bytes)
