"""Follows lineage through the store, a step at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from algolink.names import VersionName
from registry_svc.domain import lineage_graph
from registry_svc.domain.lineage import Lineage
from registry_svc.store import Reader

MAX_DEPTH = 100

_Step = Callable[[Sequence[VersionName]], Awaitable[Mapping[VersionName, Sequence[VersionName]]]]


@dataclass(slots=True)
class Reached:
    """Versions that were reached.

    Attributes:
        origin: of each version the one that it was reached from; None for a start.
        is_cut: whether it goes on beyond the last step.
    """

    origin: dict[VersionName, VersionName | None] = field(default_factory=dict)
    is_cut: bool = False

    def path(self, version: VersionName) -> list[VersionName]:
        """From `version` back to where it was begun."""
        found = [version]
        while (origin := self.origin[found[-1]]) is not None:
            found.append(origin)
        return found


async def upstream(
    reader: Reader, starts: Sequence[VersionName], *, depth: int = MAX_DEPTH
) -> Reached:
    """All that `starts` came from, themselves first.

    Raises:
        ResourceExhausted: GRAPH_TOO_LARGE.
    """

    async def parents(names: Sequence[VersionName]) -> Mapping[VersionName, list[VersionName]]:
        found = await reader.find_lineages(names)
        return {name: _parents(found.get(name)) for name in names}

    return await _follow(starts, parents, depth)


async def downstream(
    reader: Reader, starts: Sequence[VersionName], *, depth: int = MAX_DEPTH
) -> Reached:
    """All that came from `starts`, themselves first.

    Raises:
        ResourceExhausted: GRAPH_TOO_LARGE.
    """
    return await _follow(starts, reader.made_of, depth)


async def ancestors(reader: Reader, lineage: Lineage) -> Collection[VersionName]:
    """All versions that a version with such a lineage would come from."""
    return (await upstream(reader, _parents(lineage))).origin


def _parents(lineage: Lineage | None) -> list[VersionName]:
    return [parent.version for parent in lineage.parents] if lineage else []


async def _follow(starts: Sequence[VersionName], step: _Step, depth: int) -> Reached:
    reached = Reached(dict.fromkeys(starts))
    latest = list(reached.origin)
    for _ in range(depth):
        following: dict[VersionName, VersionName] = {}
        for name, found in (await step(latest)).items() if latest else ():
            following |= {new: name for new in found if new not in reached.origin}
        reached.origin |= following
        lineage_graph.check_size(len(reached.origin))
        latest = list(following)
    if latest:
        steps = await step(latest)
        reached.is_cut = any(new not in reached.origin for found in steps.values() for new in found)
    return reached
