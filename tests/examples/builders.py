"""Answers and allocations of which a test says only what it is about."""

from __future__ import annotations

from collections.abc import Sequence

import xxhash

from examples.digits.answers import Answer, Journal
from examples.digits.timeline import Allocation, Timeline

SALT = "salt"
BUCKETS = 10_000


def an_allocation(
    weaker_bp: int, *, begun: float = 0.0, settled: float = 0.0, experiment: str = "experiments/e"
) -> Allocation:
    """Version 1 for the first `weaker_bp` buckets, version 2 for the others."""
    return Allocation(
        name=f"{weaker_bp}",
        begun=begun,
        settled=settled,
        salt=SALT,
        versions=(1,) * weaker_bp + (2,) * (BUCKETS - weaker_bp),
        experiment=experiment,
    )


def an_answer(unit: str, version: int, *, sent: float = 10.0, **more: object) -> Answer:
    """One that took a tenth of a second, in experiment `e`."""
    values: dict[str, object] = {
        "protocol": "grpc",
        "received": sent + 0.1,
        "body_version": version,
        "experiment": "e",
        "arm": f"arm-{version}",
        "request_id": "r",
        **more,
    }
    return Answer(unit=unit, version=version, sent=sent, **values)  # type: ignore[arg-type] # a builder


def a_journal(*answers: Answer) -> Journal:
    journal = Journal()
    for answer in answers:
        journal.add(answer)
    return journal


def a_timeline(*allocations: Allocation) -> Timeline:
    return Timeline(list(allocations))


def a_unit(buckets: Sequence[int]) -> str:
    """A unit in one of `buckets`."""
    return next(
        unit
        for unit in (f"unit-{number}" for number in range(1_000_000))
        if xxhash.xxh64_intdigest(f"{SALT}:{unit}".encode()) % BUCKETS in buckets
    )
