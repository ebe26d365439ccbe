"""One build of a model, what it takes and gives, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from algolink.names import VersionName


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, type and shape of one tensor.

    Attributes:
        name: as the model names it.
        datatype: of the Open Inference Protocol.
        shape: one entry per axis, -1 where any size is taken.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs, in the model's order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class State(StrEnum):
    """What may be done with a version."""

    READY = "READY"
    DEPRECATED = "DEPRECATED"
    ARCHIVED = "ARCHIVED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One build of a model: its artifact never changes, its state and notes do.

    Attributes:
        digest: SHA-256 of the artifact, of its manifest if it is a folder; 64
            lower-case hex digits.
        size_bytes: of what has that digest.
        folder_files: number of files of a folder; 0 if the artifact is one file.
        folder_bytes: size of these files together.
        description: in the pusher's words; may be empty.
        create_time: when it was pushed; UTC.
        pusher: name of the caller; empty where nobody wrote it down.
        state_time: when `state` last changed; UTC.
        state_reason: why, in the words of whoever changed it; may be empty.
        purge_time: until when it can be restored; None unless it is deleted; UTC.
        tags: notes by key.
        metrics: offline metrics by name, each in its own unit.
        revision: counts writes from 1; the store rejects a stale one.
    """

    name: VersionName
    digest: str
    size_bytes: int
    signature: Signature
    description: str
    create_time: datetime
    pusher: str
    state: State = State.READY
    state_time: datetime
    state_reason: str = ""
    purge_time: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    revision: int = 1
    folder_files: int = 0
    folder_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """Size of everything that it takes to run it."""
        return self.size_bytes + self.folder_bytes

    @property
    def etag(self) -> str:
        """Differs for every write."""
        return f"r{self.revision}"
