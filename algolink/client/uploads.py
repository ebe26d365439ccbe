"""Calls that send artifacts in pieces, and fetch them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from google.protobuf.message import Message

from algolink.client.artifact import Piece, Progress
from algolink.client.calls import Call
from algolink.errors import AlgoLinkError, DataLoss
from algolink.registry.v1 import artifacts_pb2 as pb
from algolink.registry.v1 import registry_pb2

_SERVICE = "/algolink.registry.v1.ArtifactService"

WRITE_PATH = f"{_SERVICE}/WriteUpload"
DOWNLOAD_PATH = "/algolink.registry.v1.RegistryService/DownloadArtifact"

Told = Callable[[int], None]
"""Called with the bytes of a piece that are done."""

Messages = Iterator[Message]

ROUNDS = 3
"""How often everything is offered again when what was kept has gone meanwhile."""

_GONE = frozenset({"UPLOAD_NOT_FOUND", "ARTIFACT_MISSING"})


def is_gone(error: AlgoLinkError) -> bool:
    """Whether what was sent has to be offered again."""
    return error.reason in _GONE


def begin(piece: Piece) -> Call[pb.Upload]:
    """Asks how far an upload has come.

    The id is the digest: whoever pushes the same file later goes on with it.
    """
    return Call(
        path=f"{_SERVICE}/BeginUpload",
        request=pb.BeginUploadRequest(
            upload=piece.digest, digest=piece.digest, size_bytes=piece.size_bytes
        ),
        reply=pb.Upload,
    )


def rest(piece: Piece, told: Told, state: pb.Upload) -> Messages | None:
    """What is still to be sent; None if the artifact is kept."""
    return None if state.complete else _write_messages(piece, state.committed_bytes, told)


def _write_messages(piece: Piece, offset: int, told: Told) -> Iterator[pb.WriteUploadRequest]:
    yield pb.WriteUploadRequest(upload=piece.digest, offset=offset)
    for chunk in piece.chunks(offset):
        yield pb.WriteUploadRequest(offset=offset, chunk=chunk)
        offset += len(chunk)
        told(offset)


def create_version(header: registry_pb2.PushHeader) -> Call[registry_pb2.Version]:
    return Call(
        path=f"{_SERVICE}/CreateVersion",
        request=pb.CreateVersionRequest(version=header),
        reply=registry_pb2.Version,
    )


def collect_garbage(*, dry_run: bool, limit: int) -> Call[pb.CollectGarbageResponse]:
    return Call(
        path=f"{_SERVICE}/CollectGarbage",
        request=pb.CollectGarbageRequest(dry_run=dry_run, limit=limit),
        reply=pb.CollectGarbageResponse,
    )


def tell(progress: Progress | None, before: int, total: int) -> Told:
    """What turns progress within a piece into progress of the whole."""

    def told(sent: int) -> None:
        if progress is not None:
            progress(before + sent, total)

    return told


def check_download(path: Path, digest: str) -> None:
    """Checks what was fetched, and removes it if it is something else.

    Raises:
        DataLoss: DIGEST_MISMATCH.
        OSError: if it cannot be read.
    """
    found = Piece.of(path).digest
    if found != digest:
        path.unlink()
        raise DataLoss(
            "DIGEST_MISMATCH",
            f"what came as artifact {digest} has digest {found}",
            expected=digest,
            actual=found,
        )
