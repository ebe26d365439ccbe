"""Runs of ONNX models that take or give bfloat16, which numpy does not know.

ONNX Runtime takes such arrays only wrapped, with their type beside them, and
gives them only by their address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from inference_svc.domain.tensors import Array

if TYPE_CHECKING:
    import onnxruntime

_TYPE: Final = "tensor(bfloat16)"
_ONNX_BFLOAT16: Final = 16
"""`TensorProto.BFLOAT16`."""


def adapted(session: onnxruntime.InferenceSession) -> onnxruntime.InferenceSession:
    """`session`, or what runs like it where an input or output is bfloat16."""
    tensors = (*session.get_inputs(), *session.get_outputs())
    return _Adapted(session) if any(node.type == _TYPE for node in tensors) else session


class _Adapted:
    """A session that takes and gives the raw bits of bfloat16 as `uint16`."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs
        self.get_modelmeta = session.get_modelmeta

    def run(self, outputs: Sequence[str], feed: Mapping[str, Array], options: Any) -> list[Array]:
        values = self._session.run_with_ort_values(list(outputs), self._wrapped(feed), options)
        return [_bits(value) if value.data_type() == _TYPE else value.numpy() for value in values]

    def _wrapped(self, feed: Mapping[str, Array]) -> dict[str, onnxruntime.OrtValue]:
        import onnxruntime as ort

        return {
            node.name: ort.OrtValue.ortvalue_from_numpy_with_onnx_type(
                np.ascontiguousarray(feed[node.name]), _ONNX_BFLOAT16
            )
            if node.type == _TYPE
            else ort.OrtValue.ortvalue_from_numpy(feed[node.name])
            for node in self.get_inputs()
        }


def _bits(value: onnxruntime.OrtValue) -> Array:
    # Copied: the memory is the runtime's, and goes with `value`.
    octets = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
    return np.frombuffer(octets, dtype=np.uint16).reshape(value.shape())
