"""Which version each unit had to get at which time, worked out anew.

This recomputes the assignment from its definition and shares no code with the
product: the bucket of a unit is xxh64(salt + ":" + unit) mod 10000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import xxhash

from algolink.experiment.v1 import experiment_pb2

_BUCKETS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Who gets which version, for a stretch of time.

    Attributes:
        name: for messages.
        begun: seconds since the epoch before which it cannot have been in force.
        settled: seconds since the epoch by which it was in force everywhere.
        salt: salt of the buckets; empty where all units get the same version.
        versions: version of each of the 10,000 buckets.
        experiment: whose allocation it is; empty outside one.
    """

    name: str
    begun: float
    settled: float
    salt: str = ""
    versions: tuple[int, ...]
    experiment: str = ""

    def version_of(self, unit: str) -> int:
        """Version that `unit` gets."""
        return self.versions[xxhash.xxh64_intdigest(f"{self.salt}:{unit}".encode()) % _BUCKETS]


def everybody(name: str, version: int, *, begun: float, settled: float) -> Allocation:
    """All units get `version`."""
    return Allocation(name=name, begun=begun, settled=settled, versions=(version,) * _BUCKETS)


def split(
    name: str, experiment: experiment_pb2.Experiment, *, begun: float, settled: float
) -> Allocation:
    """The segments of a running experiment."""
    version_of_arm: Mapping[str, int] = {arm.id: arm.version for arm in experiment.arms}
    versions = tuple(
        version_of_arm[segment.arm]
        for segment in experiment.segments
        for _ in range(segment.start, segment.end)
    )
    return Allocation(
        name=name,
        begun=begun,
        settled=settled,
        salt=experiment.salt,
        versions=versions,
        experiment=experiment.name,
    )


@dataclass(slots=True)
class Timeline:
    """Allocations, one after the other.

    A change takes effect somewhere between asking for it and hearing that every
    Envoy has it. A request that was under way in between may have met either
    table, and nobody outside can know which; every other request met exactly one.
    """

    allocations: list[Allocation] = field(default_factory=list)

    def in_force(self, sent: float, received: float) -> list[Allocation]:
        """Allocations that a request may have met: one, or two around a change."""
        ends = [later.settled for later in self.allocations[1:]] + [float("inf")]
        return [
            allocation
            for allocation, end in zip(self.allocations, ends, strict=True)
            if allocation.begun <= received and sent <= end
        ]
