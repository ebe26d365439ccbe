"""Who is in which arm of an experiment, and why.

The experiment service, its OpenFeature front and the provider that evaluates in a
caller's own process all ask here, so they say the same of a unit; Envoy computes
the same arm from the same table. To be told an arm is no exposure: a unit is
counted once a request of it was routed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import xxhash

from algolink import names, split
from algolink.errors import FailedPrecondition, InvalidArgument

NOWHERE = -1
"""Index of what is no unit: the champion answers, in no arm."""


class Standing(StrEnum):
    """What an experiment does to units."""

    OFF = "off"
    """Not started, or stopped: nobody is in an arm."""

    SPLIT = "split"
    """The table says who is where."""

    SETTLED = "settled"
    """Concluded: the winner is everybody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that assigns the units of one experiment.

    Attributes:
        experiment: its id.
        standing: what it does.
        salt: of the bucket function.
        table: arm of every bucket; None before the start.
        versions: number of each arm's version, by the arm's id.
        winner: id of the arm that won; empty unless SETTLED.
        by_request: whether each request is a unit of its own, so that none is
            known beforehand.
        phase: number of the allocation phase, 0 before the start.
        revision: of the experiment.
    """

    experiment: str
    standing: Standing
    salt: str
    table: split.Table | None
    versions: Mapping[str, int]
    winner: str = ""
    by_request: bool = False
    phase: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Where a unit is, and why.

    Attributes:
        arm: id of the arm.
        version: number of the arm's version.
        bucket: 0 to 9,999.
        segment: of the table, that the bucket is in; None once SETTLED.
        standing: whether the table decided, or the verdict.
    """

    arm: str
    version: int
    bucket: int
    segment: split.Segment | None
    standing: Standing


def assign(plan: Plan, unit: str) -> Assignment:
    """Where `unit` is.

    Raises:
        InvalidArgument: UNIT_INVALID.
        FailedPrecondition: EXPERIMENT_NOT_ROUTED or UNIT_IS_REQUEST.
    """
    _check_assigns(plan)
    if not names.is_unit(unit):
        raise InvalidArgument(
            "UNIT_INVALID",
            f"{names.shown(unit)} is no unit: it must match {names.UNIT_PATTERN}",
            unit=names.shown(unit),
        )
    bucket = split.bucket(plan.salt, unit)
    if plan.standing is Standing.SETTLED or plan.table is None:
        arm, segment = plan.winner, None
    else:
        segment = plan.table.segment_of(bucket)
        arm = segment.arm
    return Assignment(
        arm=arm,
        version=plan.versions[arm],
        bucket=bucket,
        segment=segment,
        standing=plan.standing,
    )


def assign_many(plan: Plan, units: Sequence[str]) -> npt.NDArray[np.int32]:
    """Index of each unit's arm in `plan.versions`, or `NOWHERE` for what is no unit.

    Raises:
        FailedPrecondition: EXPERIMENT_NOT_ROUTED or UNIT_IS_REQUEST.
    """
    _check_assigns(plan)
    order = {arm: index for index, arm in enumerate(plan.versions)}
    valid = np.fromiter(map(names.is_unit, units), dtype=np.bool_, count=len(units))
    if plan.standing is Standing.SETTLED or plan.table is None:
        found = np.full(len(units), order[plan.winner], dtype=np.int32)
    else:
        arms = np.array([order[s.arm] for s in plan.table.segments], dtype=np.int32)
        ends = np.array([s.end for s in plan.table.segments], dtype=np.uint64)
        found = arms[np.searchsorted(ends, _buckets(plan.salt, units), side="right")]
    found[~valid] = NOWHERE
    return found


def _buckets(salt: str, units: Sequence[str]) -> npt.NDArray[np.uint64]:
    prefix, digest = f"{salt}:".encode(), xxhash.xxh64_intdigest
    hashes = (digest(prefix + unit.encode("utf-8", "replace")) for unit in units)
    return np.fromiter(hashes, dtype=np.uint64, count=len(units)) % np.uint64(split.BUCKETS)


def _check_assigns(plan: Plan) -> None:
    if plan.standing is Standing.OFF:
        raise FailedPrecondition(
            "EXPERIMENT_NOT_ROUTED",
            f"experiments/{plan.experiment} has not started or was stopped: it assigns nobody",
            experiment=f"experiments/{plan.experiment}",
        )
    if plan.by_request:
        raise FailedPrecondition(
            "UNIT_IS_REQUEST",
            f"experiments/{plan.experiment} assigns each request by itself: "
            "the answer's headers say the arm",
            experiment=f"experiments/{plan.experiment}",
        )
