"""Facts: what Envoy logged and what happened to units, each counted exactly once.

A fact is known by its key. The same key with the same content is a re-delivery;
with other content it is a conflict, and the first stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TypeVar


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
        received: when it came in; UTC.
        digest: of the content, 16 bytes.
    """

    event_id: str
    unit: str
    metric: str
    value: float
    time: datetime
    received: datetime
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


SERVER_FAULTS = frozenset({2, 4, 8, 13, 14, 15})
"""gRPC: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE, DATA_LOSS."""

CLIENT_LEFT = frozenset({"DC", "DR"})
"""Envoy: the client closed the connection, or reset the stream."""

CUT_SHORT = frozenset({"LR", "SI", "UC", "UF", "UMSDR", "UPE", "UR", "UT"})
"""Envoy: the answer ended for a reason upstream, after its headers had gone out."""


def failed(exposure: Exposure) -> bool:
    """Whether the request failed for a reason that is not the caller's.

    Where another version had to answer, the one that was assigned has failed,
    however well the client was served.
    """
    if exposure.answered_version not in (0, exposure.assigned_version):
        return True
    flags = set(exposure.response_flags.split(","))
    if exposure.grpc_status is not None:
        return exposure.grpc_status in SERVER_FAULTS
    if flags & CLIENT_LEFT:
        return False
    status = exposure.http_status
    if status == 0 or status == 429 or status >= 500:
        return True
    return bool(flags & CUT_SHORT)


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
