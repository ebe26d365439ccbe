from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_svc.domain import compatibility
from registry_svc.domain.compatibility import Change, Side
from registry_svc.domain.versions import Signature, TensorSpec

X = TensorSpec("x", "FP32", (-1, 4))
Y = TensorSpec("y", "INT64", (-1,))
BASE = Signature((X,), (Y,))


def x(datatype: str = "FP32", shape: tuple[int, ...] = (-1, 4)) -> Signature:
    return Signature((TensorSpec("x", datatype, shape),), (Y,))


def y(datatype: str = "INT64", shape: tuple[int, ...] = (-1,)) -> Signature:
    return Signature((X,), (TensorSpec("y", datatype, shape),))


@pytest.mark.parametrize(
    ("base", "candidate", "side", "change", "breaking"),
    [
        (BASE, x("FP64"), Side.INPUT, Change.DATATYPE, True),
        (BASE, x(shape=(-1, 8)), Side.INPUT, Change.SHAPE, True),
        (BASE, x(shape=(-1, 2, 2)), Side.INPUT, Change.SHAPE, True),
        (BASE, x(shape=(1, 4)), Side.INPUT, Change.SHAPE, True),
        (BASE, x(shape=(-1, -1)), Side.INPUT, Change.SHAPE, False),
        (BASE, Signature((), (Y,)), Side.INPUT, Change.REMOVED, True),
        (BASE, Signature((X, TensorSpec("z", "FP32", ())), (Y,)), Side.INPUT, Change.ADDED, True),
        (BASE, y("FP32"), Side.OUTPUT, Change.DATATYPE, True),
        (BASE, y(shape=(1,)), Side.OUTPUT, Change.SHAPE, False),
        (y(shape=(1,)), BASE, Side.OUTPUT, Change.SHAPE, True),
        (BASE, Signature((X,), ()), Side.OUTPUT, Change.REMOVED, True),
        (BASE, Signature((X,), (Y, TensorSpec("p", "FP32", ()))), Side.OUTPUT, Change.ADDED, True),
    ],
)
def test_a_difference_is_told_and_whether_it_breaks_callers(
    base: Signature, candidate: Signature, side: Side, change: Change, breaking: bool
) -> None:
    (found,) = compatibility.differences(base, candidate)

    assert (found.side, found.change, found.breaking) == (side, change, breaking)
    assert found.explanation


def test_the_order_of_tensors_does_not_matter() -> None:
    second = TensorSpec("z", "FP32", ())

    assert not compatibility.differences(Signature((X, second), (Y,)), Signature((second, X), (Y,)))


SHAPES = st.lists(st.sampled_from([-1, 1, 2]), max_size=3).map(tuple)


@given(a=SHAPES, b=SHAPES, c=SHAPES)
def test_what_can_stand_in_can_be_stood_in_for(
    a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...]
) -> None:
    def compatible(base: tuple[int, ...], candidate: tuple[int, ...]) -> bool:
        found = compatibility.differences(x(shape=base), x(shape=candidate))
        return not any(difference.breaking for difference in found)

    assert compatible(a, a)
    if compatible(a, b) and compatible(b, c):
        assert compatible(a, c)
    if compatible(a, b) and compatible(b, a):
        assert a == b
