"""How each output is handed over: in the answer or in shared memory, whole or as classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain.parameters import Parameter, parse_flag, parse_size
from inference_svc.domain.regions import Place, parse_place


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one output is handed over.

    Attributes:
        classes: so many of its largest elements instead of all of it, see
            `classification`; 0 for the tensor itself.
        is_binary: over REST, as bytes after the JSON and not in it.
        place: where in shared memory it is written; None for in the answer.
    """

    classes: int = 0
    is_binary: bool = False
    place: Place | None = None


def parse(name: str, parameters: Mapping[str, Parameter], default: Delivery) -> Delivery:
    """What the parameters of the requested output `name` ask for.

    Args:
        default: what holds where they say nothing.

    Raises:
        InvalidArgument: PARAMETER_INVALID, or DELIVERY_AMBIGUOUS for classes in
            shared memory.
    """
    delivery = Delivery(
        classes=parse_size(name, parameters, "classification"),
        is_binary=parse_flag(name, parameters, "binary_data", default.is_binary),
        place=parse_place(name, parameters),
    )
    if delivery.classes and delivery.place:
        raise InvalidArgument(
            "DELIVERY_AMBIGUOUS",
            f"output {shown(name)} cannot be classified and in shared memory both",
            output=shown(name),
        )
    return delivery


def parse_default(parameters: Mapping[str, Parameter]) -> Delivery:
    """What the parameters of a whole request ask for.

    Raises:
        InvalidArgument: PARAMETER_INVALID.
    """
    return Delivery(is_binary=parse_flag("", parameters, "binary_data_output", False))
