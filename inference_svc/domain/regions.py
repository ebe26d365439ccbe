"""Places in shared memory, as requests name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain.parameters import Parameter, parse_size

_REGION = "shared_memory_region"


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a registered region.

    Attributes:
        region: the name that it was registered by.
        offset: from the region's beginning, in bytes.
        size_bytes: of the part.
    """

    region: str
    offset: int
    size_bytes: int


class Reader(Protocol):
    """What reads places."""

    def read(self, place: Place) -> bytes:
        """The bytes there.

        Raises:
            InvalidArgument: REGION_UNKNOWN or REGION_EXCEEDED.
            FailedPrecondition: REGION_GONE.
        """
        ...


def place_to_parameters(place: Place) -> dict[str, Parameter]:
    """The parameters that tell a client where its output lies."""
    told: dict[str, Parameter] = {
        _REGION: place.region,
        "shared_memory_byte_size": place.size_bytes,
    }
    return told | ({"shared_memory_offset": place.offset} if place.offset else {})


def parse_place(name: str, parameters: Mapping[str, Parameter]) -> Place | None:
    """Where the parameters of the tensor `name` say that it lies; None if they do not.

    Raises:
        InvalidArgument: PARAMETER_INVALID.
    """
    if _REGION not in parameters:
        return None
    region = parameters[_REGION]
    if not isinstance(region, str) or not region:
        raise InvalidArgument(
            "PARAMETER_INVALID",
            f"parameter {_REGION} of tensor {shown(name)} must be the name of a region",
            tensor=shown(name),
            parameter=_REGION,
        )
    return Place(
        region,
        parse_size(name, parameters, "shared_memory_offset"),
        parse_size(name, parameters, "shared_memory_byte_size"),
    )
