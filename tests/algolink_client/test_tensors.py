from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from algolink.client import tensors
from algolink.errors import DataLoss, InvalidArgument


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        (np.arange(6, dtype=np.float32).reshape(2, 3), "FP32"),
        (np.arange(6, dtype=np.int64).reshape(3, 2), "INT64"),
        (np.array([True, False]), "BOOL"),
        (np.array(2.5), "FP64"),
        (np.zeros((0, 4), dtype=np.float16), "FP16"),
        (np.array([[b"a", b""], [b"cd", b"\x00"]], dtype=object), "BYTES"),
        (np.arange(12, dtype=np.float32).reshape(3, 4).T, "FP32"),
    ],
)
def test_an_array_comes_back_as_it_was_sent(value: tensors.Array, datatype: str) -> None:
    sent = tensors.as_tensor("x", value, datatype)

    back = tensors.from_raw("x", tensors.to_raw(sent, datatype), datatype, sent.shape)

    np.testing.assert_array_equal(back, value)


@pytest.mark.parametrize(
    ("value", "datatype", "dtype"),
    [
        ([[1.5, 2.5]], "FP32", np.float32),
        ([[1, 2]], "FP32", np.float32),
        ([1, 255], "UINT8", np.uint8),
        ([], "INT64", np.int64),
    ],
)
def test_numbers_become_what_the_model_takes(value: Any, datatype: str, dtype: Any) -> None:
    assert tensors.as_tensor("x", value, datatype).dtype == dtype


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        ([1.5], "INT64"),
        ([256], "UINT8"),
        ([-1], "UINT64"),
        (["text"], "FP32"),
        ([[1.0], [1.0, 2.0]], "FP32"),
    ],
)
def test_what_would_lose_its_value_is_refused(value: Any, datatype: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        tensors.as_tensor("x", value, datatype)

    assert caught.value.reason == "TENSOR_INVALID"


def test_a_datatype_without_a_numpy_type_is_named() -> None:
    with pytest.raises(InvalidArgument, match="BF16"):
        tensors.as_tensor("x", [1.0], "BF16")


@pytest.mark.parametrize(
    ("raw", "datatype", "shape"),
    [(b"123", "FP32", [1]), (b"\x05\x00\x00\x00ab", "BYTES", [1]), (b"\x05", "BYTES", [1])],
)
def test_bytes_that_do_not_fit_the_shape_are_not_guessed_at(
    raw: bytes, datatype: str, shape: list[int]
) -> None:
    with pytest.raises(DataLoss):
        tensors.from_raw("y", raw, datatype, shape)
