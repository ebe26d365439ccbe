"""Which elements are the largest, and how they are written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from algolink.errors import InvalidArgument
from inference_svc.domain import bfloat16
from inference_svc.domain.classification import largest
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.tensors import Tensor

LIMITS = np.iinfo(np.int64)


@pytest.mark.parametrize(
    ("datatype", "values", "expected"),
    [
        (Datatype.INT64, [LIMITS.min, 0, LIMITS.max], [2, 1, 0]),
        (Datatype.UINT8, [0, 255, 1], [1, 2, 0]),
        (Datatype.BOOL, [False, True, False], [1, 0, 2]),
        (Datatype.FP32, [np.nan, -np.inf, 1.0], [2, 1, 0]),
    ],
)
def test_classes_descend(datatype: Datatype, values: list[Any], expected: list[int]) -> None:
    tensor = Tensor("y", datatype, np.array(values, dtype=datatype.numpy))

    answer = largest(tensor, 3)

    assert [int(text.split(b":")[1]) for text in answer.data] == expected


def test_bfloat16_is_ranked_by_its_numbers_and_not_by_its_bits() -> None:
    bits = bfloat16.from_float32(np.array([-1.0, 2.0, 0.5], dtype=np.float32))

    answer = largest(Tensor("y", Datatype.BF16, bits), 1)

    assert answer.data.tolist() == [b"2.000000:1"]


def test_more_classes_than_elements_give_all_of_them() -> None:
    answer = largest(Tensor("y", Datatype.INT32, np.array([[3, 5]], dtype=np.int32)), 2**62)

    assert answer.data.tolist() == [[b"5:1", b"3:0"]]


def test_a_class_without_a_label_is_its_index_alone() -> None:
    scores = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)

    answer = largest(Tensor("y", Datatype.FP32, scores), 4, ["cat", "", "süß:er"])

    assert [text.decode() for text in answer.data[0]] == [
        "4.000000:3", "3.000000:2:süß:er", "2.000000:1", "1.000000:0:cat",
    ]  # fmt: skip


@given(
    arrays.arrays(np.float32, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
    st.integers(1, 5),
)
def test_any_shape_is_classified(values: Any, classes: int) -> None:
    answer = largest(Tensor("y", Datatype.FP32, values), classes)

    assert answer.shape[:-1] == values.shape[:1] if values.ndim > 1 else answer.data.ndim == 1
    assert answer.shape[-1] <= classes


def test_strings_have_no_largest() -> None:
    with pytest.raises(InvalidArgument) as caught:
        largest(Tensor("y", Datatype.BYTES, np.array([b"a"], dtype=np.object_)), 1)

    assert caught.value.reason == "CLASSIFICATION_UNSUPPORTED"
