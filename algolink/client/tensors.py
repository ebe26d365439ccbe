"""Arrays <-> tensors of the Open Inference Protocol (version 2), little-endian and raw."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from algolink.errors import DataLoss, InvalidArgument

Array = npt.NDArray[Any]

_DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BYTES": np.dtype(np.object_),
}

_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Where a server may put values that it does not send raw."""


def as_tensor(name: str, value: npt.ArrayLike, datatype: str) -> Array:
    """`value` as an array that can be sent as `datatype`.

    Numbers are converted within their kind (float64 to FP32, int to INT64 or to
    FP32), never from floats to integers and never out of an integer's range.

    Raises:
        InvalidArgument: TENSOR_INVALID, if that cannot be done.
    """
    dtype = _dtype(name, datatype)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise _invalid(name, "its rows differ in length", datatype) from error
    if datatype == "BYTES":
        return array.astype(np.object_)
    if array.dtype == dtype:
        return np.ascontiguousarray(array).reshape(array.shape)
    if not _convertible(array, dtype):
        raise _invalid(name, f"{array.dtype} cannot become {datatype}", datatype)
    return np.asarray(array, dtype=dtype, order="C")


def to_raw(array: Array, datatype: str) -> bytes:
    r"""The bytes of an array that `as_tensor` returned.

    >>> to_raw(np.array(["ab", b"c"], dtype=object), "BYTES")
    b'\x02\x00\x00\x00ab\x01\x00\x00\x00c'
    """
    if datatype != "BYTES":
        return array.tobytes()
    elements = (_element(value) for value in array.ravel())
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def from_raw(name: str, raw: bytes, datatype: str, shape: Sequence[int]) -> Array:
    r"""The array that `to_raw` made `raw` of.

    Raises:
        DataLoss: TENSOR_INVALID, if bytes and shape do not belong together.

    >>> from_raw("y", b"\x01\x02", "UINT8", [2]).tolist()
    [1, 2]
    """
    dtype = _dtype(name, datatype)
    try:
        if datatype == "BYTES":
            return np.array(_elements(raw), dtype=np.object_).reshape(shape)
        return np.frombuffer(raw, dtype=dtype).reshape(shape)
    except (ValueError, struct.error) as error:
        raise DataLoss(
            "TENSOR_INVALID",
            f"output {name} came with {len(raw)} bytes for {datatype} of shape {list(shape)}",
            name=name,
        ) from error


def from_contents(name: str, contents: Any, datatype: str, shape: Sequence[int]) -> Array:
    """The array of an `InferTensorContents`.

    Raises:
        DataLoss: TENSOR_INVALID, if values and shape do not belong together.
    """
    dtype = _dtype(name, datatype)
    field = _CONTENTS.get(datatype)
    values = list(getattr(contents, field)) if field is not None else []
    try:
        return np.array(values, dtype=dtype).reshape(shape)
    except ValueError as error:
        raise DataLoss(
            "TENSOR_INVALID",
            f"output {name} came with {len(values)} values for shape {list(shape)}",
            name=name,
        ) from error


def _dtype(name: str, datatype: str) -> np.dtype[Any]:
    if datatype not in _DTYPES:
        raise InvalidArgument(
            "DATATYPE_UNSUPPORTED",
            f"tensor {name} is {datatype}, which numpy has no type for",
            name=name,
            datatype=datatype,
        )
    return _DTYPES[datatype]


def _convertible(array: Array, dtype: np.dtype[Any]) -> bool:
    if array.size == 0:
        return True
    if array.dtype.kind in "iu" and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return int(array.min()) >= limits.min and int(array.max()) <= limits.max
    return np.can_cast(array.dtype, dtype, "same_kind")


def _element(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _elements(raw: bytes) -> list[bytes]:
    elements, at = [], 0
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at)
        at += 4
        if at + size > len(raw):
            raise ValueError("an element is cut off")
        elements.append(raw[at : at + size])
        at += size
    return elements


def _invalid(name: str, why: str, datatype: str) -> InvalidArgument:
    return InvalidArgument(
        "TENSOR_INVALID",
        f"input {name} takes {datatype}: {why}",
        name=name,
        datatype=datatype,
    )
