"""Tensors from bytes and from JSON, and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from algolink.errors import InvalidArgument
from inference_svc.domain import json_values, tensors
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.tensors import Tensor

NUMERIC = [datatype for datatype in Datatype if datatype is not Datatype.BYTES]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@st.composite
def numeric_tensors(draw: st.DrawFn) -> Tensor:
    datatype = draw(st.sampled_from(NUMERIC))
    return Tensor("x", datatype, draw(arrays.arrays(datatype.numpy, SHAPES)))


@st.composite
def texts(draw: st.DrawFn) -> Tensor:
    shape = draw(SHAPES)
    count = math.prod(shape)
    elements = draw(st.lists(st.binary(max_size=8), min_size=count, max_size=count))
    return tensors.from_numbers("x", Datatype.BYTES, shape, elements)


@given(numeric_tensors() | texts())
def test_bytes_give_back_the_tensor_that_they_were_made_from(tensor: Tensor) -> None:
    again = tensors.from_raw("x", tensor.datatype, tensor.shape, tensors.to_raw(tensor))

    assert again.datatype is tensor.datatype
    np.testing.assert_array_equal(again.data, tensor.data)


@given(numeric_tensors())
def test_json_gives_back_the_tensor_that_it_was_made_from(tensor: Tensor) -> None:
    values = json_values.to_json(tensor)

    again = json_values.from_json("x", tensor.datatype, list(tensor.shape), values)

    np.testing.assert_array_equal(again.data, tensor.data)


@given(
    datatype=st.sampled_from(list(Datatype)),
    shape=st.lists(st.integers(-2, 2**64), max_size=5),
    payload=st.binary(max_size=64),
)
def test_no_bytes_bring_the_decoder_down(
    datatype: Datatype, shape: list[int], payload: bytes
) -> None:
    try:
        tensor = tensors.from_raw("x", datatype, shape, payload)
    except InvalidArgument:
        return

    assert tensors.to_raw(tensor) == payload


def test_a_byte_that_is_no_bool_is_refused() -> None:
    with pytest.raises(InvalidArgument) as caught:
        tensors.from_raw("x", Datatype.BOOL, [2], b"\x01\x02")

    assert caught.value.reason == "VALUE_INVALID"
