"""Requests as rows of one array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_svc.batching import rows
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.signature import Signature, TensorSpec


def a_spec(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(name, Datatype.FP32, shape)


def a_signature(inputs: TensorSpec, output: TensorSpec) -> Signature:
    return Signature((inputs,), (output,))


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        (a_signature(a_spec("x", -1, 4), a_spec("y", -1)), True),
        (a_signature(a_spec("x", 1, 4), a_spec("y", -1)), False),
        (a_signature(a_spec("x", -1, 4), a_spec("y", 1)), False),
        (a_signature(a_spec("x", -1, 4), TensorSpec("y", Datatype.FP32, None)), False),
        (a_signature(TensorSpec("x", Datatype.FP32, None), a_spec("y", -1)), False),
        (Signature((), (a_spec("y", -1),)), False),
    ],
)
def test_a_model_has_rows_if_the_first_axis_is_free_everywhere(
    signature: Signature, expected: bool
) -> None:
    assert rows.has_rows(signature) is expected


def test_a_request_whose_inputs_disagree_or_are_empty_has_no_rows() -> None:
    one, two, none = np.zeros((1, 4)), np.zeros((2, 4)), np.zeros((0, 4))

    assert rows.row_count({"a": two, "b": two}) == 2
    assert rows.row_count({"a": one, "b": two}) is None
    assert rows.row_count({"a": none}) is None
    assert rows.row_count({}) is None


def test_requests_share_a_lane_if_all_but_the_rows_agrees() -> None:
    lane = rows.lane({"a": np.zeros((1, 4)), "b": np.zeros((1, 2))}, ("y",))

    assert lane == rows.lane({"b": np.zeros((7, 2)), "a": np.zeros((7, 4))}, ("y",))
    assert lane != rows.lane({"a": np.zeros((1, 4)), "b": np.zeros((1, 3))}, ("y",))
    assert lane != rows.lane({"a": np.zeros((1, 4)), "b": np.zeros((1, 2))}, ("y", "z"))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=10))
def test_what_is_joined_and_cut_again_is_what_it_was(counts: list[int]) -> None:
    feeds = [{"x": np.full((count, 2), number)} for number, count in enumerate(counts)]

    parts = rows.cut([rows.joined(feeds)["x"]], counts)

    assert len(parts) == len(feeds)
    for feed, (part,) in zip(feeds, parts, strict=True):
        np.testing.assert_array_equal(part, feed["x"])


def test_text_is_joined_like_numbers() -> None:
    feeds = [{"x": np.array([[b"a"]], dtype=object)}, {"x": np.array([[b"bc"]], dtype=object)}]

    assert rows.joined(feeds)["x"].tolist() == [[b"a"], [b"bc"]]


@pytest.mark.parametrize("shape", [(), (2,), (4, 3)])
def test_an_output_without_a_row_for_each_row_is_detected(shape: tuple[int, ...]) -> None:
    with pytest.raises(rows.NotAligned):
        rows.cut([np.zeros((3, 1)), np.zeros(shape)], [1, 2])


def test_a_row_is_the_same_if_it_differs_by_rounding_alone() -> None:
    together = np.array([[1000.0, 1.0], [2.0, 2.0], [3.0, 3.0]])

    assert rows.is_same_row([together[:1] + 0.1], [together])
    assert not rows.is_same_row([together[:1] * 1.1], [together])
    assert not rows.is_same_row([together[:1]], [together[:2]])
    assert not rows.is_same_row([np.array(["a"], object)], [np.array(["b", "b", "b"], object)])
