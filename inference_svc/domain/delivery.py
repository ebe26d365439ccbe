"""How each output is handed over: in the answer or in shared memory, whole or as classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from algolink.errors import InvalidArgument
from algolink.names import shown

Parameter = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one output is handed over.

    Attributes:
        classes: so many of its largest elements instead of all of it, see
            `classification`; 0 for the tensor itself.
        is_binary: over REST, as bytes after the JSON and not in it.
    """

    classes: int = 0
    is_binary: bool = False


def parse(name: str, parameters: Mapping[str, Parameter], default: Delivery) -> Delivery:
    """What the parameters of the requested output `name` ask for.

    Args:
        default: what holds where they say nothing.

    Raises:
        InvalidArgument: PARAMETER_INVALID.
    """
    return Delivery(
        classes=parse_size(name, parameters, "classification"),
        is_binary=_flag(name, parameters, "binary_data", default.is_binary),
    )


def parse_default(parameters: Mapping[str, Parameter]) -> Delivery:
    """What the parameters of a whole request ask for.

    Raises:
        InvalidArgument: PARAMETER_INVALID.
    """
    return Delivery(is_binary=_flag("", parameters, "binary_data_output", False))


def parse_size(name: str, parameters: Mapping[str, Parameter], key: str) -> int:
    """A parameter that counts something; 0 without it.

    Raises:
        InvalidArgument: PARAMETER_INVALID.
    """
    size = parameters.get(key, 0)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**63:
        raise _invalid(name, key, size, "a whole number from 0")
    return size


def _flag(name: str, parameters: Mapping[str, Parameter], key: str, default: bool) -> bool:
    flag = parameters.get(key, default)
    if not isinstance(flag, bool):
        raise _invalid(name, key, flag, "true or false")
    return flag


def _invalid(name: str, key: str, value: Parameter, allowed: str) -> InvalidArgument:
    """What a parameter gets that is not `allowed`.

    Args:
        name: the tensor's that has it; empty for the request itself.
    """
    owner = f"tensor {shown(name)}" if name else "the request"
    return InvalidArgument(
        "PARAMETER_INVALID",
        f"parameter {key} of {owner} is {shown(repr(value))}, and not {allowed}",
        of=owner,
        parameter=key,
        value=shown(repr(value)),
    )
