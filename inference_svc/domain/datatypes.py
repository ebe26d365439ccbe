"""The tensor data types of the Open Inference Protocol."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np

from algolink.errors import InvalidArgument
from algolink.names import shown


class Datatype(StrEnum):
    """A data type by its name in the protocol."""

    BOOL = "BOOL"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    FP16 = "FP16"
    BF16 = "BF16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """What an array of this type holds.

        BYTES is an object array of `bytes` or `str`. BF16 is the raw 16 bits, because
        numpy has no such number: see `bfloat16`.
        """
        return _NUMPY[self]

    @property
    def item_size(self) -> int:
        """Bytes of one element on the wire; 0 for BYTES, whose elements carry their length."""
        return 0 if self is Datatype.BYTES else _NUMPY[self].itemsize


# Little-endian by name, because that is the byte order of the wire.
_NUMPY: Final[dict[Datatype, np.dtype[np.generic]]] = {
    Datatype.BOOL: np.dtype(np.bool_),
    Datatype.INT8: np.dtype("<i1"),
    Datatype.INT16: np.dtype("<i2"),
    Datatype.INT32: np.dtype("<i4"),
    Datatype.INT64: np.dtype("<i8"),
    Datatype.UINT8: np.dtype("<u1"),
    Datatype.UINT16: np.dtype("<u2"),
    Datatype.UINT32: np.dtype("<u4"),
    Datatype.UINT64: np.dtype("<u8"),
    Datatype.FP16: np.dtype("<f2"),
    Datatype.BF16: np.dtype("<u2"),
    Datatype.FP32: np.dtype("<f4"),
    Datatype.FP64: np.dtype("<f8"),
    Datatype.BYTES: np.dtype(np.object_),
}

_BY_NAME: Final[dict[str, Datatype]] = {datatype.value: datatype for datatype in Datatype}


def parse(tensor: str, name: str) -> Datatype:
    """The data type called `name`.

    Args:
        tensor: name of the tensor that has it, for the message.
        name: as the request spells it.

    Raises:
        InvalidArgument: DATATYPE_UNKNOWN.
    """
    datatype = _BY_NAME.get(name)
    if datatype is None:
        raise InvalidArgument(
            "DATATYPE_UNKNOWN",
            f"tensor {shown(tensor)} has datatype {shown(name)}: use one of {', '.join(_BY_NAME)}",
            tensor=shown(tensor),
            datatype=shown(name),
        )
    return datatype
