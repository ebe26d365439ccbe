"""The classification extension: the largest elements of an output, as text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain import bfloat16
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.tensors import Array, Tensor


def largest(tensor: Tensor, classes: int, labels: Sequence[str] = ()) -> Tensor:
    """The `classes` largest elements, descending, each as `value:index`.

    An index that `labels` names becomes `value:index:label`.

    With two axes or more the first one is the batch, and each of its rows is
    classified by itself: the answer has shape [rows, classes]. There are as many
    as there are elements at most; of equal ones the earlier goes first, and NaN
    goes last.

    >>> scores = np.array([[0.1, 0.7, 0.2]], dtype=np.float32)
    >>> largest(Tensor("y", Datatype.FP32, scores), 2).data.tolist()
    [[b'0.700000:1', b'0.200000:2']]
    >>> largest(Tensor("y", Datatype.FP32, scores), 1, ["cat", "dog", "cow"]).data.tolist()
    [[b'0.700000:1:dog']]

    Raises:
        InvalidArgument: CLASSIFICATION_UNSUPPORTED, for an output of strings.
    """
    if tensor.datatype is Datatype.BYTES:
        raise InvalidArgument(
            "CLASSIFICATION_UNSUPPORTED",
            f"output {shown(tensor.name)} is of {tensor.datatype}: only numbers are classified",
            output=shown(tensor.name),
            datatype=tensor.datatype,
        )
    values = tensor.data
    if tensor.datatype is Datatype.BF16:
        values = bfloat16.to_float32(values)
    if values.ndim < 2:
        return Tensor(tensor.name, Datatype.BYTES, _row(values.reshape(-1), classes, labels))
    rows = values.reshape(values.shape[0], -1) if values.size else values.reshape(len(values), 0)
    count = min(classes, rows.shape[1])
    texts = np.empty((len(rows), count), dtype=np.object_)
    for index, row in enumerate(rows):
        texts[index] = _row(row, classes, labels)
    return Tensor(tensor.name, Datatype.BYTES, texts)


def _row(values: Array, classes: int, labels: Sequence[str]) -> Array:
    order = np.argsort(_descending(values), kind="stable")[:classes]
    texts = np.empty(len(order), dtype=np.object_)
    for place, index in enumerate(order):
        label = labels[index] if index < len(labels) else ""
        text = f"{_shown(values[index])}:{index}"
        texts[place] = (f"{text}:{label}" if label else text).encode()
    return texts


def _descending(values: Array) -> Array:
    """Keys that sort `values` the other way round, without overflow."""
    if values.dtype.kind == "f":
        return -values
    return values.max(initial=0) - values if values.dtype.kind == "u" else ~values


def _shown(value: np.generic) -> str:
    return f"{value:.6f}" if value.dtype.kind == "f" else str(int(value))
