"""Artifacts, sent and fetched in pieces, for the blocking client."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path

from algolink import manifest as manifests
from algolink.client import artifact, registry, uploads
from algolink.client.artifact import ONE_CALL_BYTES, Piece, Progress
from algolink.client.channels import PUSH_TIMEOUT_S
from algolink.client.sync_transport import SyncTransport
from algolink.errors import AlgoLinkError
from algolink.manifest import Manifest
from algolink.registry.v1 import artifacts_pb2, registry_pb2


class Artifacts:
    """The bytes behind versions; `Client.artifacts`."""

    def __init__(self, transport: SyncTransport) -> None:
        self._transport = transport

    def push(
        self,
        header: registry_pb2.PushHeader,
        pieces: Sequence[Piece],
        progress: Progress | None,
        timeout_s: float = PUSH_TIMEOUT_S,
    ) -> registry_pb2.Version:
        """Makes a version of `pieces`, of which the last is the artifact.

        A push that was stopped goes on where it was when it is repeated.
        """
        in_one_call = len(pieces) == 1 and pieces[0].size_bytes <= ONE_CALL_BYTES
        for left in reversed(range(uploads.ROUNDS)):
            try:
                if in_one_call:
                    return self._transport.upload(
                        registry.PUSH_PATH,
                        lambda: artifact.push_messages(header, pieces[0], progress),
                        registry_pb2.Version,
                        timeout_s,
                    )
                self.send(pieces, progress, timeout_s)
                return self._transport.unary(uploads.create_version(header), timeout_s)
            except AlgoLinkError as error:
                if not left or not uploads.is_gone(error):
                    raise
        raise AssertionError("the last round returns or raises")

    def pull(
        self,
        name: str,
        number: int,
        to: str | os.PathLike[str],
        *,
        timeout_s: float = PUSH_TIMEOUT_S,
        progress: Progress | None = None,
    ) -> registry_pb2.Version:
        """Fetches the artifact of a version, and checks its digest.

        One that was stopped goes on where it was when it is repeated.

        Args:
            name: the model's id.
            number: of the version.
            to: file to write; folder to make, if the artifact is one.
            timeout_s: for each file, with its retries.
            progress: called with the bytes that are there and in all.

        Raises:
            DataLoss: DIGEST_MISMATCH or ARTIFACT_DAMAGED.
            OSError: if a file cannot be written.
        """
        version = self._transport.unary(registry.get_version(name, number), timeout_s)
        target, total = Path(to), version.total_bytes
        if not version.folder_files:
            told = uploads.tell(progress, 0, total)
            self.fetch(version.digest, version.size_bytes, target, told, timeout_s)
            return version
        listed = target.with_name(f"{target.name}.manifest")
        quiet = uploads.tell(None, 0, 0)
        self.fetch(version.digest, version.size_bytes, listed, quiet, timeout_s)
        there = version.size_bytes
        for file in Manifest.parse(listed.read_bytes()).files:
            path = target / manifests.check_path(file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            told = uploads.tell(progress, there, total)
            self.fetch(file.digest, file.size_bytes, path, told, timeout_s)
            there += file.size_bytes
        listed.unlink()
        return version

    def collect_garbage(
        self, *, dry_run: bool = False, limit: int = 0, timeout_s: float = PUSH_TIMEOUT_S
    ) -> artifacts_pb2.CollectGarbageResponse:
        """Removes artifacts that no version needs, and uploads that were given up.

        Args:
            dry_run: only tells what would be removed.
            limit: at most this many artifacts; 0 means 1,000.
            timeout_s: for the call with its retries.
        """
        call = uploads.collect_garbage(dry_run=dry_run, limit=limit)
        return self._transport.unary(call, timeout_s)

    def send(self, pieces: Sequence[Piece], progress: Progress | None, timeout_s: float) -> None:
        total, before = sum(piece.size_bytes for piece in pieces), 0
        for piece in pieces:
            told = uploads.tell(progress, before, total)
            self._transport.upload_rest(
                uploads.begin(piece),
                uploads.WRITE_PATH,
                functools.partial(uploads.rest, piece, told),
                timeout_s,
            )
            before += piece.size_bytes
            told(piece.size_bytes)

    def fetch(
        self, digest: str, size_bytes: int, path: Path, told: uploads.Told, timeout_s: float
    ) -> None:
        """Makes a file that holds an artifact, verified; one that was begun is gone on with."""
        partial = path.with_name(f"{path.name}.{digest[:16]}.partial")
        with partial.open("ab") as file:
            if file.tell() > size_bytes:  # it cannot be the beginning of it
                file.truncate(0)
                file.seek(0)
            for reply in self._transport.download(
                uploads.DOWNLOAD_PATH,
                lambda: registry_pb2.DownloadArtifactRequest(digest=digest, offset=file.tell()),
                registry_pb2.DownloadArtifactResponse,
                timeout_s,
            ):
                file.write(reply.chunk)
                told(file.tell())
        uploads.check_download(partial, digest)
        partial.replace(path)
