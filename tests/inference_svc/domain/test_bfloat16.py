"""bfloat16 against an independent implementation."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference_svc.domain import bfloat16

EVERY = np.arange(2**16, dtype=np.uint16)


def test_every_pattern_becomes_the_number_that_it_is() -> None:
    np.testing.assert_array_equal(
        bfloat16.to_float32(EVERY), EVERY.view(ml_dtypes.bfloat16).astype(np.float32)
    )


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1))
def test_numbers_are_rounded_to_the_nearest(numbers: list[float]) -> None:
    values = np.array(numbers, dtype=np.float32)

    np.testing.assert_array_equal(
        bfloat16.from_float32(values), values.astype(ml_dtypes.bfloat16).view(np.uint16)
    )


def test_no_nan_becomes_a_number() -> None:
    payloads = np.array([0x7F80_0001, 0x7FFF_FFFF, 0xFF80_0001], dtype=np.uint32)

    rounded = bfloat16.from_float32(payloads.view(np.float32))

    assert np.isnan(bfloat16.to_float32(rounded)).all()
