"""Lineage that travels with a model, in the names of where it arrives.

A name says nothing elsewhere: `base/1` of another installation may be any version here.
So a parent is a version that came with the same archive, or one that was imported before
and says so in its tag; any other is left out, and told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from algolink.client.lineage import version_name
from algolink.names import VersionName
from algolink.registry.v1 import lineage_pb2 as pb

ORIGIN_TAG: Final = "imported-from"


def origin(version: VersionName) -> str:
    """How an imported version's tag names where it came from.

    >>> origin(VersionName("base", 1))
    'base/1'
    """
    return f"{version.model}/{version.number}"


def translated(
    lineage: pb.Lineage,
    here: VersionName,
    numbers: Mapping[int, int],
    imported_before: Callable[[str], VersionName | None],
) -> tuple[pb.Lineage, list[str]]:
    """A lineage in the names of this installation, and the parents that are not here.

    Args:
        lineage: as it was exported.
        here: name of the version here.
        numbers: number here of each version that came along, by its number there.
        imported_before: finds a version here by the tag of its origin.
    """
    model = version_name(lineage.version).model
    made, missing = pb.Lineage(), []
    made.CopyFrom(lineage)
    made.version = str(here)
    made.ClearField("parents")
    for parent in lineage.parents:
        there = version_name(parent.version)
        came_along = there.model == model and there.number in numbers
        found = (
            VersionName(here.model, numbers[there.number])
            if came_along
            else imported_before(origin(there))
        )
        if found is None:
            missing.append(origin(there))
        else:
            made.parents.add(version=str(found), relation=parent.relation)
    return made, missing
