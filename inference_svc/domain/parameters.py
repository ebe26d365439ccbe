"""Parameters of requests and of their tensors, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping

from algolink.errors import InvalidArgument
from algolink.names import shown

Parameter = bool | int | float | str


def parse_size(name: str, parameters: Mapping[str, Parameter], key: str) -> int:
    """A parameter that counts something; 0 without it.

    Raises:
        InvalidArgument: PARAMETER_INVALID.
    """
    size = parameters.get(key, 0)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**63:
        raise _invalid(name, key, size, "a whole number from 0")
    return size


def parse_patience(parameters: Mapping[str, Parameter]) -> float | None:
    """How long a request says that it may wait for its run, in seconds; None for no bound.

    It says so in microseconds; 0 is no bound.

    Raises:
        InvalidArgument: PARAMETER_INVALID.

    >>> parse_patience({"timeout": 1_500}), parse_patience({})
    (0.0015, None)
    """
    return parse_size("", parameters, "timeout") / 1e6 or None


def parse_flag(name: str, parameters: Mapping[str, Parameter], key: str, default: bool) -> bool:
    """A parameter that is true or false.

    Raises:
        InvalidArgument: PARAMETER_INVALID.
    """
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
