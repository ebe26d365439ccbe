"""What a push promises before its bytes come, and how a repeated one is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from algolink import names
from algolink.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    ResourceExhausted,
)
from algolink.names import ModelName, VersionName
from registry_svc.domain import notes

MAX_CHUNK_BYTES = 2 * 1024 * 1024
"""Bytes that one message of an upload may bring."""

_REQUEST_ID = re.compile("[\x20-\x7e]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushHeader:
    """What is uploaded; checked when it is made.

    Attributes:
        request_id: unique per push, 1 to 128 printable ASCII characters.
        digest: SHA-256 of the artifact, as the caller computed it.
        size_bytes: of the artifact, at least 1.
        description: may be empty.
        aliases: to point at the new version in the same step.
        tags: notes by key; may be empty.
        metrics: offline metrics by name; may be empty.

    Raises:
        InvalidArgument: REQUEST_ID_INVALID, DIGEST_MALFORMED, ARTIFACT_EMPTY or
            ALIAS_INVALID, or as `notes` says.
    """

    model: ModelName
    request_id: str
    digest: str
    size_bytes: int
    description: str = ""
    aliases: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if _REQUEST_ID.fullmatch(self.request_id) is None:
            raise InvalidArgument(
                "REQUEST_ID_INVALID",
                f"{names.shown(self.request_id)} is not a request id: "
                "it must be 1 to 128 printable ASCII characters",
                request_id=names.shown(self.request_id),
            )
        names.check_digest(self.digest)
        if self.size_bytes < 1:
            raise artifact_empty()
        notes.check_description(self.description)
        notes.check_tags(self.tags)
        notes.check_metrics(self.metrics)
        for alias in self.aliases:
            names.check_alias(alias)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A push that made a version."""

    request_id: str
    version: VersionName
    digest: str


def check_size(size_bytes: int, *, limit_bytes: int) -> None:
    """Checks that an artifact may be as big as announced.

    Raises:
        ResourceExhausted: ARTIFACT_TOO_LARGE.
    """
    if size_bytes > limit_bytes:
        raise ResourceExhausted(
            "ARTIFACT_TOO_LARGE",
            f"the artifact has {size_bytes} bytes, at most {limit_bytes} are allowed",
            size_bytes=size_bytes,
            limit_bytes=limit_bytes,
        )


def check_chunk(chunk: bytes) -> None:
    """Checks that a piece of an upload is not too big: it is held in memory.

    Raises:
        InvalidArgument: CHUNK_TOO_LARGE.
    """
    if len(chunk) > MAX_CHUNK_BYTES:
        raise InvalidArgument(
            "CHUNK_TOO_LARGE",
            f"a chunk has {len(chunk)} bytes, at most {MAX_CHUNK_BYTES} are allowed",
            size_bytes=len(chunk),
            limit_bytes=MAX_CHUNK_BYTES,
        )


def repeated(header: PushHeader, earlier: Push) -> VersionName:
    """Version that an earlier push of the same request id made.

    Raises:
        AlreadyExists: REQUEST_ID_REUSED, if that push was of something else.
    """
    if earlier.digest != header.digest or earlier.version.model != header.model.model:
        raise AlreadyExists(
            "REQUEST_ID_REUSED",
            f"request id {names.shown(header.request_id)} made {earlier.version} already, "
            f"of digest {earlier.digest}: use a new one",
            request_id=names.shown(header.request_id),
            version=earlier.version,
            digest=earlier.digest,
        )
    return earlier.version


def artifact_missing(digest: str) -> FailedPrecondition:
    """What a caller gets who makes a version of what is not kept."""
    return FailedPrecondition(
        "ARTIFACT_MISSING", f"artifact {digest} is not kept: upload it", digest=digest
    )


def artifact_empty() -> InvalidArgument:
    """What a caller gets who uploads nothing."""
    return InvalidArgument("ARTIFACT_EMPTY", "the artifact is empty: it needs at least 1 byte")
