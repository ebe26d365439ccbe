"""One immutable build of a model, and what it takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One immutable build of a model.

    Attributes:
        digest: SHA-256 of the artifact, 64 lower-case hex digits.
        description: in the pusher's words; may be empty.
        create_time: when it was pushed; UTC.
    """

    name: VersionName
    digest: str
    size_bytes: int
    signature: Signature
    description: str
    create_time: datetime
