"""Where a version came from: data, code, run, environment, and other versions."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from algolink import names
from algolink.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from algolink.names import VersionName

MAX_DATASETS = 100
MAX_PARENTS = 64
MAX_COLUMNS = 1_000
MAX_PARAMETERS = 200
MAX_METRICS = 100
MAX_URI = 2_048
MAX_TEXT = 1_000

_ROLE = re.compile("[a-z0-9-]{1,32}")
_COMMIT = re.compile("[0-9a-f]{7,64}")


class Relation(StrEnum):
    """How a version was made of another."""

    FINE_TUNED_FROM = "fine-tuned from"
    CONVERTED_FROM = "converted from"
    ENSEMBLE_OF = "ensemble of"
    DISTILLED_FROM = "distilled from"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a dataset, its type in somebody's words."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetUse:
    """A dataset, as a version used it.

    Attributes:
        digest: SHA-256 of the content; empty if nobody knows.
        row_count: 0 if nobody counted.
    """

    uri: str
    digest: str = ""
    role: str = "training"
    row_count: int = 0
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A commit, and whether the checkout differed from it."""

    repository: str
    commit: str
    dirty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What made a version, as it was tracked."""

    id: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parent:
    """A version that another was made of."""

    version: VersionName
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a version came from.

    Attributes:
        environment_digest: of the lock file; empty if nobody says.
        recorder: name of the caller.
        record_time: UTC.
    """

    version: VersionName
    datasets: tuple[DatasetUse, ...] = ()
    code: Code | None = None
    run: Run | None = None
    parents: tuple[Parent, ...] = ()
    environment_digest: str = ""
    recorder: str
    record_time: datetime


def check(lineage: Lineage) -> Lineage:
    """Returns `lineage` if it can be recorded.

    Raises:
        InvalidArgument: LINEAGE_INVALID, with the place.
    """
    for place, problem in _problems(lineage):
        raise InvalidArgument("LINEAGE_INVALID", f"{place}: {problem}", place=place)
    return lineage


def check_dataset(uri: str, digest: str) -> None:
    """Checks what names a dataset.

    Raises:
        InvalidArgument: LINEAGE_INVALID.
    """
    for place, problem in (*_text("uri", uri, 1, MAX_URI), *_digest("digest", digest)):
        raise InvalidArgument("LINEAGE_INVALID", f"{place}: {problem}", place=place)


def check_new(present: Lineage | None, wanted: Lineage) -> Lineage:
    """What is recorded then: the present one, if the same is recorded again.

    Raises:
        AlreadyExists: LINEAGE_RECORDED.
    """
    if present is None:
        return wanted
    if replace(wanted, recorder=present.recorder, record_time=present.record_time) == present:
        return present
    raise AlreadyExists(
        "LINEAGE_RECORDED",
        f"{wanted.version} has a lineage already, recorded by {present.recorder or 'nobody'} at "
        f"{present.record_time:%Y-%m-%d %H:%M:%SZ}: it cannot be changed",
        version=wanted.version,
    )


def check_no_cycle(version: VersionName, ancestors: Collection[VersionName]) -> None:
    """Checks that no version comes from itself.

    Args:
        ancestors: all that the version would come from.

    Raises:
        FailedPrecondition: LINEAGE_CYCLE.
    """
    if version in ancestors:
        raise FailedPrecondition(
            "LINEAGE_CYCLE",
            f"{version} would come from itself: one of its parents comes from it",
            version=version,
        )


def not_recorded(version: VersionName) -> NotFound:
    """What a caller gets who asks for a lineage that nobody recorded."""
    return NotFound(
        "LINEAGE_NOT_RECORDED", f"nobody recorded where {version} came from", version=version
    )


def dataset_not_found(uri: str) -> NotFound:
    """What a caller gets who asks for a dataset that no version uses."""
    return NotFound(
        "DATASET_NOT_FOUND", f"no version is recorded to have used {names.shown(uri)}", uri=uri
    )


_Problem = tuple[str, str]


def _problems(lineage: Lineage) -> Iterator[_Problem]:
    yield from _count("datasets", lineage.datasets, MAX_DATASETS)
    for number, use in enumerate(lineage.datasets):
        yield from _dataset(f"datasets[{number}]", use)
    yield from _unique("datasets", [(use.uri, use.digest, use.role) for use in lineage.datasets])
    if lineage.code is not None:
        yield from _text("code.repository", lineage.code.repository, 1, MAX_URI)
        if _COMMIT.fullmatch(lineage.code.commit) is None:
            yield "code.commit", f"{names.shown(lineage.code.commit)} is not 7 to 64 hex digits"
    if lineage.run is not None:
        yield from _run(lineage.run)
    yield from _count("parents", lineage.parents, MAX_PARENTS)
    yield from _unique("parents", [parent.version for parent in lineage.parents])
    for number, parent in enumerate(lineage.parents):
        if parent.version == lineage.version:
            yield f"parents[{number}]", "a version is not made of itself"
    yield from _digest("environment_digest", lineage.environment_digest)


def _dataset(place: str, use: DatasetUse) -> Iterator[_Problem]:
    yield from _text(f"{place}.uri", use.uri, 1, MAX_URI)
    yield from _digest(f"{place}.digest", use.digest)
    if _ROLE.fullmatch(use.role) is None:
        yield f"{place}.role", f"{names.shown(use.role)} must match {_ROLE.pattern}"
    if use.row_count < 0:
        yield f"{place}.row_count", f"{use.row_count} is below 0"
    yield from _count(f"{place}.columns", use.columns, MAX_COLUMNS)
    for number, column in enumerate(use.columns):
        yield from _text(f"{place}.columns[{number}].name", column.name, 1, 256)
        yield from _text(f"{place}.columns[{number}].type", column.type, 0, 64)


def _run(run: Run) -> Iterator[_Problem]:
    yield from _text("run.id", run.id, 0, 256)
    yield from _count("run.parameters", run.parameters, MAX_PARAMETERS)
    for key, value in run.parameters.items():
        yield from _text("run.parameters", key, 1, MAX_TEXT)
        yield from _text(f"run.parameters.{names.shown(key)}", value, 0, MAX_TEXT)
    yield from _count("run.metrics", run.metrics, MAX_METRICS)
    for key, number in run.metrics.items():
        yield from _text("run.metrics", key, 1, MAX_TEXT)
        if not math.isfinite(number):
            yield f"run.metrics.{names.shown(key)}", f"{number} is not finite"


def _text(place: str, text: str, least: int, most: int) -> Iterator[_Problem]:
    if not least <= len(text) <= most or not text.isprintable():
        yield place, f"{names.shown(text)} is not {least} to {most} printable characters"


def _digest(place: str, digest: str) -> Iterator[_Problem]:
    if digest and re.fullmatch(names.DIGEST_PATTERN, digest) is None:
        yield place, f"{names.shown(digest)} is not a SHA-256 in hex"


def _count(place: str, items: Collection[object], most: int) -> Iterator[_Problem]:
    if len(items) > most:
        yield place, f"{len(items)} are too many: at most {most}"


def _unique(place: str, keys: Sequence[object]) -> Iterator[_Problem]:
    if len(set(keys)) != len(keys):
        yield place, "one is named twice"
