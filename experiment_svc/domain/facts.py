"""Facts: what Envoy logged and what happened to units, each counted exactly once.

A fact is known by its key. The same key with the same content is a re-delivery;
with other content it is a conflict, and the first stays.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TypeVar

from algolink import names
from algolink.errors import AlgoLinkError, InvalidArgument, ResourceExhausted
from experiment_svc.domain import latency

MAX_BATCH = 10_000
MAX_MAGNITUDE = 1e100
"""Outcomes beyond this are refused: their squares would not fit a float."""

MAX_TEXT = 256


class Kind(IntEnum):
    """What a line of Envoy's log is about."""

    REQUEST = 1
    ATTEMPT = 2
    SHADOW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One line of Envoy's log. Its key is (request_id, kind, attempt).

    Attributes:
        experiment: id, without `experiments/`; empty if no experiment took the
            request, which is then no exposure.
        phase: allocation phase at assignment; 0 without an experiment.
        assigned_version: 0 if none was.
        answered_version: 0 if none did.
        http_status: 0 if the client saw none.
        grpc_status: None for REST, or if the client saw none.
        response_flags: Envoy's, comma-separated.
        digest: of the content, 16 bytes.
    """

    request_id: str
    kind: Kind
    attempt: int
    time: datetime
    model: str
    experiment: str
    phase: int
    table_revision: str
    arm: str
    assigned_version: int
    answered_version: int
    unit: str
    http_status: int
    grpc_status: int | None
    response_flags: str
    duration_us: int
    digest: bytes

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes it the same fact."""
        return (self.request_id, int(self.kind), self.attempt)

    @property
    def counts(self) -> bool:
        """Whether it is an exposure: a request that an experiment took."""
        return self.kind is Kind.REQUEST and self.experiment != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A value of a metric for a unit. Its key is event_id.

    Attributes:
        time: when it happened; UTC.
        digest: of the content, 16 bytes.
    """

    event_id: str
    unit: str
    metric: str
    value: float
    time: datetime
    digest: bytes

    @property
    def key(self) -> str:
        """What makes it the same fact."""
        return self.event_id


_Fact = TypeVar("_Fact", Exposure, Outcome)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch."""

    accepted: int = 0
    redelivered: int = 0
    conflicts: int = 0

    def __add__(self, other: Receipt) -> Receipt:
        return Receipt(
            self.accepted + other.accepted,
            self.redelivered + other.redelivered,
            self.conflicts + other.conflicts,
        )


_SERVER_FAULTS = frozenset({2, 4, 8, 13, 14, 15})
"""gRPC: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE, DATA_LOSS."""

_CLIENT_LEFT = frozenset({"DC", "DR"})
"""Envoy: the client closed the connection, or reset the stream."""

_CUT_SHORT = frozenset({"LR", "SI", "UC", "UF", "UMSDR", "UPE", "UR", "UT"})
"""Envoy: the answer ended for a reason upstream, after its headers had gone out."""


def failed(exposure: Exposure) -> bool:
    """Whether the request failed for a reason that is not the caller's."""
    flags = set(exposure.response_flags.split(","))
    if exposure.grpc_status is not None:
        return exposure.grpc_status in _SERVER_FAULTS
    if flags & _CLIENT_LEFT:
        return False
    status = exposure.http_status
    if status == 0 or status == 429 or status >= 500:
        return True
    return bool(flags & _CUT_SHORT)


def check_exposure(exposure: Exposure) -> None:
    """Checks one line.

    A request id is whatever identifies the request: the log must not block on
    how it is spelt.

    Raises:
        ValueError: with what is wrong.
    """
    _check_text("request_id", exposure.request_id, required=True)
    _check_text("model", exposure.model, required=True)
    _check_text("table_revision", exposure.table_revision)
    _check_text("response_flags", exposure.response_flags)
    least_attempt = 1 if exposure.kind is Kind.ATTEMPT else 0
    most_attempt = 2**31 - 1 if exposure.kind is Kind.ATTEMPT else 0
    _check_range("attempt", exposure.attempt, least_attempt, most_attempt)
    _check_range("assigned_version", exposure.assigned_version, 0, 2**62)
    _check_range("answered_version", exposure.answered_version, 0, 2**62)
    _check_range("http_status", exposure.http_status, 0, 999)
    _check_range("grpc_status", exposure.grpc_status or 0, 0, 2**31 - 1)
    _check_range("duration_us", exposure.duration_us, 0, 2**62)
    if exposure.experiment:
        _check_id("experiment", exposure.experiment, names.check_experiment_id)
        _check_id("arm", exposure.arm, names.check_arm_id)
        _check_unit(exposure.unit)
        _check_range("phase", exposure.phase, 1, 2**31 - 1)
    else:
        for name, value in (("arm", exposure.arm), ("unit", exposure.unit)):
            if value:
                raise ValueError(f"{name} is {names.shown(value)} without an experiment")
        _check_range("phase without an experiment", exposure.phase, 0, 0)


def check_outcome(outcome: Outcome) -> None:
    """Checks one outcome.

    Raises:
        ValueError: with what is wrong.
    """
    _check_text("event_id", outcome.event_id, required=True, limit=128)
    _check_unit(outcome.unit)
    _check_id("metric", outcome.metric, names.check_metric_name)
    if not math.isfinite(outcome.value):
        raise ValueError(f"value is {outcome.value}: it must be finite")
    if abs(outcome.value) > MAX_MAGNITUDE:
        raise ValueError(f"value is {outcome.value}: at most {MAX_MAGNITUDE} in magnitude")


def check_batch(size: int, what: str) -> None:
    """Refuses a batch that is too large.

    Raises:
        ResourceExhausted: BATCH_TOO_LARGE.
    """
    if size > MAX_BATCH:
        raise ResourceExhausted(
            "BATCH_TOO_LARGE",
            f"{size} {what} at once: at most {MAX_BATCH}",
            size=size,
            limit=MAX_BATCH,
        )


def invalid(index: int, what: str, why: object) -> InvalidArgument:
    """FACT_INVALID for the fact at `index` of its batch."""
    return InvalidArgument("FACT_INVALID", f"{what} {index}: {why}", index=index, cause=why)


@dataclass(slots=True)
class UnitState:
    """A unit of one experiment: where it was first, and whether it was elsewhere too.

    Merging is commutative, so the order in which facts arrive does not matter.

    Attributes:
        first: (time, phase, arm) of the earliest exposure; ties go to the
            earlier phase, then to the arm that sorts first.
        crossed: whether it was exposed to another arm as well.
    """

    first: tuple[datetime, int, str]
    crossed: bool = False

    def __add__(self, other: UnitState) -> UnitState:
        return UnitState(
            min(self.first, other.first),
            self.crossed or other.crossed or self.first[2] != other.first[2],
        )


@dataclass(slots=True)
class Increment:
    """What new exposures add to the counters.

    Attributes:
        units: by (experiment, unit).
        requests: by (experiment, arm, phase).
        failures: by (experiment, arm, phase).
        latency: requests by (experiment, arm, bucket of the latency).
    """

    units: dict[tuple[str, str], UnitState] = field(default_factory=dict)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    failures: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    latency: Counter[tuple[str, str, int]] = field(default_factory=Counter)


def increment(exposures: Iterable[Exposure]) -> Increment:
    """Sums up new facts; what is no exposure adds nothing."""
    total = Increment()
    for exposure in exposures:
        if not exposure.counts:
            continue
        experiment, arm, phase = exposure.experiment, exposure.arm, exposure.phase
        seen = UnitState((exposure.time, phase, arm))
        known = total.units.get((experiment, exposure.unit))
        total.units[experiment, exposure.unit] = known + seen if known else seen
        total.requests[experiment, arm, phase] += 1
        if failed(exposure):
            total.failures[experiment, arm, phase] += 1
        total.latency[experiment, arm, latency.bucket(exposure.duration_us)] += 1
    return total


def sort_out(facts: Iterable[_Fact], known: dict[object, bytes]) -> tuple[list[_Fact], Receipt]:
    """Parts a batch into what is new, and what came before.

    Args:
        facts: in the order of the batch; the first of a key stays.
        known: digest of each stored fact by its key; keys not in the batch do
            no harm. What is new is added, so that the next batch knows it.
    """
    new: list[_Fact] = []
    redelivered = conflicts = 0
    for fact in facts:
        digest = known.get(fact.key)
        if digest is None:
            known[fact.key] = fact.digest
            new.append(fact)
        elif digest == fact.digest:
            redelivered += 1
        else:
            conflicts += 1
    return new, Receipt(len(new), redelivered, conflicts)


def _check_text(name: str, value: str, *, required: bool = False, limit: int = MAX_TEXT) -> None:
    if required and not value:
        raise ValueError(f"{name} is empty")
    if len(value) > limit or not (value.isascii() and (value.isprintable() or not value)):
        raise ValueError(
            f"{name} is {names.shown(value)}: at most {limit} printable ASCII characters"
        )


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}: it must be {least} to {most}")


def _check_unit(unit: str) -> None:
    if not names.is_unit(unit):
        raise ValueError(f"unit is {names.shown(unit)}: it must match {names.UNIT_PATTERN}")


def _check_id(name: str, value: str, check: Callable[[str], str]) -> None:
    try:
        check(value)
    except AlgoLinkError as error:
        raise ValueError(f"{name}: {error.message}") from error
