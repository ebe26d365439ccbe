"""Requests as rows of one array: which fit together, how they are joined, and cut again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import numpy as np

from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.signature import FREE, Signature
from inference_svc.domain.tensors import Array

_PROBE_ROWS: Final = 3
_TOLERANCE: Final = 0.01
"""Of the largest number in a row: joined rows are computed in another order, so they
differ by rounding, which in FP16 is coarse."""


class NotAligned(Exception):
    """An output does not have one row for each row of the input."""


def has_rows(signature: Signature) -> bool:
    """Whether the first axis of every input and output takes any size: rows, by what it says."""
    return bool(signature.inputs) and all(
        spec.shape is not None and spec.shape[:1] == (FREE,)
        for spec in (*signature.inputs, *signature.outputs)
    )


def row_count(feed: Mapping[str, Array]) -> int | None:
    """Rows of a request whose model has them; None if its inputs disagree, or it has none."""
    counts = {array.shape[0] for array in feed.values()}
    return counts.pop() or None if len(counts) == 1 else None


def lane(feed: Mapping[str, Array], outputs: Sequence[str]) -> Hashable:
    """Equal for requests that may share a run: all but the number of rows agrees.

    Data types need not be compared: the signature has fixed them.
    """
    return tuple(outputs), tuple((name, feed[name].shape[1:]) for name in sorted(feed))


def joined(feeds: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """The rows of all requests of a lane, one after the other."""
    return {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}


def cut(arrays: Sequence[Array], counts: Sequence[int]) -> list[list[Array]]:
    """The outputs of a shared run, by request.

    Args:
        counts: rows of each request, in the order in which they were joined.

    Raises:
        NotAligned: if an output has not as many rows as all requests together.

    >>> [part[0].tolist() for part in cut([np.array([1, 2, 3])], [1, 2])]
    [[1], [2, 3]]
    """
    total = sum(counts)
    for array in arrays:
        if array.shape[:1] != (total,):
            raise NotAligned(f"{total} rows went in, and an output has shape {list(array.shape)}")
    parts: list[list[Array]] = []
    start = 0
    for count in counts:
        parts.append([array[start : start + count] for array in arrays])
        start += count
    return parts


def probe(signature: Signature) -> dict[str, Array]:
    """Different rows, to find out whether one's outputs depend on its neighbours.

    Numbers are in [-1, 1) where the type has fractions, and 0 elsewhere: whole
    numbers are often indices, which a model may refuse.
    """
    generator = np.random.default_rng(0)
    feed: dict[str, Array] = {}
    for spec in signature.inputs:
        shape = (_PROBE_ROWS, *(1 if axis == FREE else axis for axis in (spec.shape or ())[1:]))
        if np.issubdtype(spec.datatype.numpy, np.floating):
            feed[spec.name] = generator.uniform(-1, 1, shape).astype(spec.datatype.numpy)
        else:
            blank = "" if spec.datatype is Datatype.BYTES else 0
            feed[spec.name] = np.full(shape, blank, dtype=spec.datatype.numpy)
    return feed


def first_row(feed: Mapping[str, Array]) -> dict[str, Array]:
    """The first row alone."""
    return {name: array[:1] for name, array in feed.items()}


def is_same_row(alone: Sequence[Array], together: Sequence[Array]) -> bool:
    """Whether a row that ran alone came out as it did among the rows of `probe`."""
    return all(
        one.shape[:1] == (1,)
        and many.shape == (_PROBE_ROWS, *one.shape[1:])
        and _is_close(one, many[:1])
        for one, many in zip(alone, together, strict=True)
    )


def _is_close(one: Array, other: Array) -> bool:
    if np.issubdtype(one.dtype, np.inexact):
        scale = float(np.max(np.abs(one), initial=0.0, where=np.isfinite(one)))
        return np.allclose(one, other, rtol=0.0, atol=_TOLERANCE * scale, equal_nan=True)
    return np.array_equal(one, other)
