"""bfloat16: the upper half of a 32-bit float, kept as its raw 16 bits."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint16]

LARGEST: Final = float.fromhex("0x1.fep127")
"""The largest finite one."""

_QUIET_BIT: Final = np.uint32(0x0040_0000)


def to_float32(bits: Bits) -> npt.NDArray[np.float32]:
    """The numbers that `bits` stand for, exactly.

    >>> to_float32(np.array([0x3FC0, 0xC000], dtype=np.uint16))
    array([ 1.5, -2. ], dtype=float32)
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)


def from_float32(values: npt.NDArray[np.float32]) -> Bits:
    """The nearest bfloat16 of each number; of two as near, the even one.

    NaN stays NaN, whose payload rounding would otherwise carry into infinity.

    >>> from_float32(np.array([1.5, 1.00390625], dtype=np.float32))
    array([16320, 16256], dtype=uint16)
    """
    bits = values.view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))
    chosen = np.where(np.isnan(values), bits | _QUIET_BIT, rounded)
    return (chosen >> 16).astype(np.uint16)
