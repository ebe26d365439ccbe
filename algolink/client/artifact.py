"""What is pushed: a file, bytes, or a model object, read in chunks as often as needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from algolink import names
from algolink.client.registry import model_name
from algolink.registry.v1 import registry_pb2 as pb

CHUNK_BYTES = 1 << 20

Progress = Callable[[int, int], None]
"""Called with (bytes handed over so far, bytes in all)."""


class Serializable(Protocol):
    """A model object, `onnx.ModelProto` for example."""

    def SerializeToString(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Artifact:
    """Bytes to push; a path is read again for every try, never held whole."""

    content: Path | bytes

    @classmethod
    def of(cls, onnx: str | os.PathLike[str] | bytes | Serializable) -> Artifact:
        """Takes a path, the bytes themselves, or an object that serializes itself."""
        if isinstance(onnx, bytes | bytearray | memoryview):
            return cls(bytes(onnx))
        if isinstance(onnx, str | os.PathLike):
            return cls(Path(onnx))
        return cls(onnx.SerializeToString())

    def chunks(self) -> Iterator[bytes]:
        """The bytes, at most 1 MiB at a time.

        Raises:
            OSError: if the file cannot be read.
        """
        if isinstance(self.content, bytes):
            view = memoryview(self.content)
            for start in range(0, len(view), CHUNK_BYTES):
                yield bytes(view[start : start + CHUNK_BYTES])
            return
        with self.content.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def digest_and_size(self) -> tuple[str, int]:
        """SHA-256 in hex, and the size in bytes.

        Raises:
            OSError: if the file cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        for chunk in self.chunks():
            digest.update(chunk)
            size += len(chunk)
        return digest.hexdigest(), size


def push_header(
    artifact: Artifact,
    *,
    model: str,
    aliases: Sequence[str],
    description: str,
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
    request_id: str,
) -> pb.PushHeader:
    """Says what will be uploaded; reads the whole artifact once.

    Raises:
        InvalidArgument: MODEL_ID_INVALID or ALIAS_INVALID.
        OSError: if the file cannot be read.
    """
    name = model_name(model)
    checked = [names.check_alias(alias) for alias in aliases]
    digest, size = artifact.digest_and_size()
    return pb.PushHeader(
        model=str(name),
        request_id=request_id,
        digest=digest,
        size_bytes=size,
        description=description,
        aliases=checked,
        tags=tags,
        metrics=metrics,
    )


def push_messages(
    header: pb.PushHeader, artifact: Artifact, progress: Progress | None
) -> Iterator[pb.PushVersionRequest]:
    """The upload: the header, then the chunks."""
    yield pb.PushVersionRequest(header=header)
    sent = 0
    for chunk in artifact.chunks():
        yield pb.PushVersionRequest(chunk=chunk)
        sent += len(chunk)
        if progress is not None:
            progress(sent, header.size_bytes)
