"""Tensors as values: made from bytes or from numbers, checked, and turned into bytes again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain.datatypes import Datatype

Array = npt.NDArray[Any]

_LENGTH_BYTES: Final = 4
_MAX_RANK: Final = 32
_MAX_AXIS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array.

    Attributes:
        name: as the model calls it.
        datatype: what each element is.
        data: an array of the tensor's shape, of `datatype.numpy`; for BYTES its
            elements are `bytes` or `str`.
    """

    name: str
    datatype: Datatype
    data: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """One entry per axis; empty for a scalar."""
        return self.data.shape


def from_raw(name: str, datatype: Datatype, shape: Sequence[int], payload: bytes) -> Tensor:
    """A tensor from its little-endian, row-major bytes, without copying them.

    Each element of a BYTES tensor is preceded by its length, 4 bytes.

    Raises:
        InvalidArgument: SHAPE_INVALID, PAYLOAD_SHORT, PAYLOAD_LONG or VALUE_INVALID.
    """
    count = element_count(name, shape)
    if datatype is Datatype.BYTES:
        return Tensor(name, datatype, _strings(name, payload, count).reshape(shape))
    expected = count * datatype.item_size
    if len(payload) != expected:
        raise _wrong_size(name, datatype, shape, expected, len(payload), "bytes")
    if datatype is Datatype.BOOL:
        octets = np.frombuffer(payload, dtype=np.uint8)
        if octets.size and octets.max() > 1:
            raise _value_invalid(name, datatype, f"the byte {octets.max()}", "0 or 1")
    return Tensor(name, datatype, np.frombuffer(payload, dtype=datatype.numpy).reshape(shape))


def from_numbers(name: str, datatype: Datatype, shape: Sequence[int], values: Any) -> Tensor:
    """A tensor from a flat sequence of elements that are all of one Python type.

    Raises:
        InvalidArgument: SHAPE_INVALID, PAYLOAD_SHORT, PAYLOAD_LONG or VALUE_INVALID.
    """
    count = element_count(name, shape)
    if len(values) != count:
        raise _wrong_size(name, datatype, shape, count, len(values), "elements")
    if datatype is Datatype.BYTES:
        return Tensor(name, datatype, _objects(values).reshape(shape))
    try:
        data = np.array(values, dtype=datatype.numpy)
    except (OverflowError, ValueError, TypeError) as error:
        raise _value_invalid(name, datatype, "an element", f"{datatype} ({error})") from error
    return Tensor(name, datatype, data.reshape(shape))


def to_raw(tensor: Tensor) -> bytes:
    """The inverse of `from_raw`."""
    if tensor.datatype is not Datatype.BYTES:
        return tensor.data.tobytes()
    parts: list[bytes] = []
    for element in tensor.data.flat:
        encoded = element if isinstance(element, bytes) else str(element).encode()
        parts.append(len(encoded).to_bytes(_LENGTH_BYTES, "little"))
        parts.append(encoded)
    return b"".join(parts)


def element_count(name: str, shape: Sequence[int]) -> int:
    """Number of elements of a tensor of `shape`.

    Raises:
        InvalidArgument: SHAPE_INVALID, for a negative axis, an axis or a product
            beyond 64 bits, or more axes than an array can have.
    """
    if len(shape) > _MAX_RANK:
        raise _shape_invalid(name, shape, f"it has more than {_MAX_RANK} axes")
    if any(axis < 0 or axis > _MAX_AXIS for axis in shape):
        raise _shape_invalid(name, shape, "an axis is negative or beyond 64 bits")
    count = math.prod(shape)
    # An axis of 0 hides the others from the product, and numpy still multiplies them.
    if math.prod(axis or 1 for axis in shape) > _MAX_AXIS:
        raise _shape_invalid(name, shape, "its element count is beyond 64 bits")
    return count


def _strings(name: str, payload: bytes, count: int) -> Array:
    # Each element costs at least its length prefix, so a lying count ends here
    # before anything of its size is allocated.
    if count * _LENGTH_BYTES > len(payload):
        raise _wrong_size(
            name, Datatype.BYTES, (count,), count * _LENGTH_BYTES, len(payload), "bytes at least"
        )
    strings = np.empty(count, dtype=np.object_)
    position = 0
    for index in range(count):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(payload[position:start], "little")
        if start > len(payload) or position > len(payload):
            raise InvalidArgument(
                "PAYLOAD_SHORT",
                f"tensor {shown(name)}: element {index} of {count} ends at byte {position} "
                f"of {len(payload)}",
                tensor=shown(name),
                element=index,
                expected=position,
                actual=len(payload),
            )
        strings[index] = payload[start:position]
    if position != len(payload):
        raise _wrong_size(name, Datatype.BYTES, (count,), position, len(payload), "bytes")
    return strings


def _objects(values: Sequence[object]) -> Array:
    # np.array would make a two-dimensional array of elements that are sequences.
    objects = np.empty(len(values), dtype=np.object_)
    objects[:] = values
    return objects


def _wrong_size(
    name: str, datatype: Datatype, shape: Sequence[int], expected: int, actual: int, unit: str
) -> InvalidArgument:
    return InvalidArgument(
        "PAYLOAD_SHORT" if actual < expected else "PAYLOAD_LONG",
        f"tensor {shown(name)} of {datatype} {list(shape)} needs {expected} {unit}, got {actual}",
        tensor=shown(name),
        datatype=datatype,
        shape=list(shape),
        expected=expected,
        actual=actual,
    )


def _value_invalid(name: str, datatype: Datatype, value: str, allowed: str) -> InvalidArgument:
    return InvalidArgument(
        "VALUE_INVALID",
        f"tensor {shown(name)} of {datatype}: {value} is not {allowed}",
        tensor=shown(name),
        datatype=datatype,
    )


def _shape_invalid(name: str, shape: Sequence[int], why: str) -> InvalidArgument:
    listed = shown(str(list(shape)))
    return InvalidArgument(
        "SHAPE_INVALID",
        f"tensor {shown(name)} has shape {listed}: {why}",
        tensor=shown(name),
        shape=listed,
    )
