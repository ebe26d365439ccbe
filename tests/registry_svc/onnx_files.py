"""Small ONNX models."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper


def plus_one(*, columns: int) -> bytes:
    """`y = x + 1` on rows of `columns` FP32 numbers."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    return _model(
        [helper.make_node("Add", ["x", "one"], ["y"])],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", columns])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", columns])],
        initializers=[one],
    )


def identity(datatype: int) -> bytes:
    """`y = x` on a vector of any length."""
    return _model(
        [helper.make_node("Identity", ["x"], ["y"])],
        inputs=[helper.make_tensor_value_info("x", datatype, [None])],
        outputs=[helper.make_tensor_value_info("y", datatype, [None])],
    )


def with_probability_maps() -> bytes:
    """A classifier as skl2onnx makes it by default: probabilities in a sequence of maps."""
    keyed = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    )
    return _model(
        [helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        outputs=[helper.make_value_info("y", helper.make_sequence_type_proto(keyed))],
    )


def with_unknown_operator() -> bytes:
    """A well-formed file that no engine can run."""
    return _model(
        [helper.make_node("Transmogrify", ["x"], ["y"], domain="example.invalid")],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )


def _model(
    nodes: list[onnx.NodeProto],
    *,
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    initializers: list[onnx.TensorProto] | None = None,
) -> bytes:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers or [])
    imports = [
        helper.make_opsetid("", 17),
        helper.make_opsetid("ai.onnx.ml", 1),
        helper.make_opsetid("example.invalid", 1),
    ]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    return bytes(model.SerializeToString())


def with_weights_beside(*, columns: int, padding_bytes: int = 0) -> dict[str, bytes]:
    """`y = x + 1` whose numbers lie in a file of their own; the files by path.

    Args:
        padding_bytes: what follows the numbers, and is not used.
    """
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    one.ClearField("float_data")
    one.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", "4")):
        one.external_data.add(key=key, value=value)
    model = _model(
        [helper.make_node("Add", ["x", "one"], ["y"])],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", columns])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", columns])],
        initializers=[one],
    )
    return {"model.onnx": model, "weights.bin": np.float32(1).tobytes() + _bytes(padding_bytes)}


def _bytes(size: int) -> bytes:
    return np.random.default_rng(1).bytes(size)
