"""Tensors from and to the values that JSON can hold.

Stricter than numpy, which would cut 1.5 to 1 and read `true` as a number.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain import bfloat16, tensors
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.tensors import Tensor

_NOT_FINITE: Final = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
"""JSON has no such numbers; these are the strings that protobuf's JSON uses."""

_LARGEST: Final = {
    Datatype.FP16: float(np.finfo(np.float16).max),
    Datatype.BF16: bfloat16.LARGEST,
    Datatype.FP32: float(np.finfo(np.float32).max),
    Datatype.FP64: float(np.finfo(np.float64).max),
}

_ELEMENT: Final[dict[str, tuple[type, ...]]] = {
    "b": (bool,),
    "i": (int,),
    "u": (int,),
    "f": (int, float),
    "O": (str,),
}
"""Python types that an element may have, by kind of the numpy type."""


def from_json(name: str, datatype: Datatype, shape: list[int], values: object) -> Tensor:
    """A tensor from JSON: a flat list in row-major order, or nested lists of its shape.

    Raises:
        InvalidArgument: SHAPE_INVALID, SHAPE_MISMATCH, PAYLOAD_SHORT, PAYLOAD_LONG
            or VALUE_INVALID.
    """
    if not isinstance(values, list):
        raise InvalidArgument(
            "VALUE_INVALID",
            f"tensor {shown(name)}: `data` must be a list, not {type(values).__name__}",
            tensor=shown(name),
        )
    flat = _flatten(name, values, shape) if values and isinstance(values[0], list) else values
    checked = _checked(name, datatype, flat)
    if datatype is Datatype.BF16:
        checked = bfloat16.from_float32(np.array(checked, dtype=np.float32))
    return tensors.from_numbers(name, datatype, shape, checked)


def to_json(tensor: Tensor) -> list[Any]:
    """The elements of `tensor` in row-major order.

    Bytes that are not UTF-8 are replaced: JSON cannot hold them.
    """
    data = tensor.data
    if tensor.datatype is Datatype.BF16:
        data = bfloat16.to_float32(data)
    flat: list[Any] = data.reshape(-1).tolist()
    if tensor.datatype is Datatype.BYTES:
        return [
            element.decode(errors="replace") if isinstance(element, bytes) else str(element)
            for element in flat
        ]
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        return [element if np.isfinite(element) else _not_finite(element) for element in flat]
    return flat


def _flatten(name: str, values: list[Any], shape: list[int]) -> list[Any]:
    """Elements of nested lists whose nesting is exactly `shape`."""
    flat = values
    for depth, axis in enumerate(shape):
        if depth == 0:
            groups = [values]
        elif all(isinstance(group, list) for group in flat):
            groups = flat
        else:
            raise _nesting(name, shape)
        if any(len(group) != axis for group in groups):
            raise _nesting(name, shape)
        flat = [element for group in groups for element in group]
    if any(isinstance(element, list) for element in flat):
        raise _nesting(name, shape)
    return flat


def _checked(name: str, datatype: Datatype, flat: list[Any]) -> Any:
    kind = "f" if datatype is Datatype.BF16 else datatype.numpy.kind
    allowed = _ELEMENT[kind]
    checked = flat
    if kind == "f" and any(isinstance(element, str) for element in flat):
        checked = [
            _NOT_FINITE.get(element, element) if isinstance(element, str) else element
            for element in flat
        ]
    for element in checked:
        # A bool is an int to Python, and a different thing to the protocol.
        if type(element) not in allowed:
            raise InvalidArgument(
                "VALUE_INVALID",
                f"tensor {shown(name)} of {datatype} cannot hold {shown(repr(element))}",
                tensor=shown(name),
                datatype=datatype,
                value=shown(repr(element)),
            )
    if kind == "f":
        _check_range(name, datatype, checked)
    return checked


def _check_range(name: str, datatype: Datatype, flat: list[int | float]) -> None:
    """Refuses finite numbers that the narrower type would turn into infinity."""
    largest = _LARGEST[datatype]
    for element in flat:
        if largest < abs(element) < np.inf:
            raise InvalidArgument(
                "VALUE_INVALID",
                f"tensor {shown(name)}: {shown(repr(element))} is beyond {datatype}",
                tensor=shown(name),
                datatype=datatype,
                value=shown(repr(element)),
            )


def _not_finite(element: float) -> str:
    if np.isnan(element):
        return "NaN"
    return "Infinity" if element > 0 else "-Infinity"


def _nesting(name: str, shape: list[int]) -> InvalidArgument:
    return InvalidArgument(
        "SHAPE_MISMATCH",
        f"tensor {shown(name)}: the nesting of `data` is not its shape {list(shape)}",
        tensor=shown(name),
        shape=list(shape),
    )
