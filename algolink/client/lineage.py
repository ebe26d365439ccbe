"""The calls of lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from algolink.client.calls import Call
from algolink.client.registry import model_name
from algolink.errors import InvalidArgument
from algolink.names import VersionName
from algolink.registry.v1 import lineage_pb2 as pb

_SERVICE = "/algolink.registry.v1.LineageService"

DIRECTIONS: Mapping[str, pb.Direction] = {
    "upstream": pb.DIRECTION_UPSTREAM,
    "downstream": pb.DIRECTION_DOWNSTREAM,
    "both": pb.DIRECTION_BOTH,
}
_RELATION = "RELATION_"


def message(version: VersionName, described: Mapping[str, Any]) -> pb.Lineage:
    """Lineage as people write it: the message's fields, relations in words.

    Raises:
        InvalidArgument: LINEAGE_INVALID.

    >>> message(VersionName("iris", 2), {"parents": [{"version": "iris/1",
    ...     "relation": "fine-tuned from"}]}).parents[0].version
    'models/iris/versions/1'
    """
    made = pb.Lineage()
    try:
        json_format.ParseDict(_in_full(described), made)
    except (json_format.ParseError, TypeError, AttributeError) as error:
        raise InvalidArgument("LINEAGE_INVALID", f"this is no lineage: {error}") from error
    made.version = str(version)
    for parent in made.parents:
        parent.version = str(version_name(parent.version))
    return made


def version_name(name: str) -> VersionName:
    """Reads `iris/3` or `models/iris/versions/3`.

    Raises:
        InvalidArgument: VERSION_NAME_INVALID or MODEL_ID_INVALID.
    """
    model, slash, number = name.partition("/")
    if model != "models" and slash and number.isdecimal():
        return VersionName(model_name(model).model, int(number))
    return VersionName.parse(name)


def record(lineage: pb.Lineage) -> Call[pb.Lineage]:
    """The call that writes a lineage down."""
    return Call(
        path=f"{_SERVICE}/RecordLineage",
        request=pb.RecordLineageRequest(lineage=lineage),
        reply=pb.Lineage,
    )


def get(version: str) -> Call[pb.Lineage]:
    """The call that reads what was recorded of a version."""
    return Call(
        path=f"{_SERVICE}/GetLineage",
        request=pb.GetLineageRequest(version=str(version_name(version))),
        reply=pb.Lineage,
    )


def trace(start: str, direction: str, depth: int) -> Call[pb.LineageGraph]:
    """The call that follows lineage from a version, or from the uri of a dataset."""
    if direction not in DIRECTIONS:
        raise InvalidArgument(
            "DIRECTION_INVALID",
            f"direction {direction!r} is none of {', '.join(DIRECTIONS)}",
            direction=direction,
        )
    is_dataset = ":" in start
    return Call(
        path=f"{_SERVICE}/TraceLineage",
        request=pb.TraceLineageRequest(
            start=start if is_dataset else str(version_name(start)),
            direction=DIRECTIONS[direction],
            depth=depth,
        ),
        reply=pb.LineageGraph,
    )


def find_users(uri: str, digest: str, *, in_production: bool) -> Call[pb.FindDatasetUsersResponse]:
    """The call that says which versions used a dataset."""
    return Call(
        path=f"{_SERVICE}/FindDatasetUsers",
        request=pb.FindDatasetUsersRequest(uri=uri, digest=digest, in_production=in_production),
        reply=pb.FindDatasetUsersResponse,
    )


def _in_full(described: Mapping[str, Any]) -> dict[str, Any]:
    """`described` with relations as the enum has them."""
    parents = [
        {**parent, "relation": _RELATION + _constant(parent.get("relation", ""))}
        for parent in described.get("parents", ())
    ]
    return {**described, "parents": parents}


def _constant(words: str) -> str:
    return words.upper().replace(" ", "_").replace("-", "_")
