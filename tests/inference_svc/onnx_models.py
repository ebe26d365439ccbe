"""Small ONNX models, made on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import onnx
from onnx import TensorProto, helper

Axes = Sequence[int | str | None] | None


def identity(element: int = TensorProto.FLOAT, shape: Axes = ("N", 4)) -> bytes:
    """`y = x`, for any element type."""
    return _model([helper.make_node("Identity", ["x"], ["y"])], [("x", element, shape)],
                  [("y", element, shape)])  # fmt: skip


def with_metadata(artifact: bytes, properties: dict[str, str]) -> bytes:
    """`artifact` with these properties as its metadata."""
    model = onnx.load_from_string(artifact)
    helper.set_model_props(model, properties)
    serialized: bytes = model.SerializeToString()
    return serialized


@cache
def scaled(factor: float) -> bytes:
    """`y = factor * x` for x of [N, 4]: what answered can be told from the answer."""
    constant = helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor])
    return _model(
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        [("x", TensorProto.FLOAT, ("N", 4))],
        [("y", TensorProto.FLOAT, ("N", 4))],
        [constant],
    )


def sum_and_difference() -> bytes:
    """Two inputs `a` and `b` of [N, 2]; outputs `sum` and `difference`."""
    axes = ("N", 2)
    return _model(
        [helper.make_node("Add", ["a", "b"], ["sum"]),
         helper.make_node("Sub", ["a", "b"], ["difference"])],
        [("a", TensorProto.FLOAT, axes), ("b", TensorProto.FLOAT, axes)],
        [("sum", TensorProto.FLOAT, axes), ("difference", TensorProto.FLOAT, axes)],
    )  # fmt: skip


def reshaped(shape: Axes = ("N", 4)) -> bytes:
    """Fails unless x has 8 elements, whatever its signature allows."""
    target = helper.make_tensor("target", TensorProto.INT64, [2], [2, 4])
    return _model(
        [helper.make_node("Reshape", ["x", "target"], ["y"])],
        [("x", TensorProto.FLOAT, shape)],
        [("y", TensorProto.FLOAT, (2, 4))],
        [target],
    )


def picked() -> bytes:
    """`y = table[index]`, for a table of three: other indices are refused by the runtime."""
    table = helper.make_tensor("table", TensorProto.FLOAT, [3], [10.0, 20.0, 30.0])
    return _model(
        [helper.make_node("Gather", ["table", "index"], ["y"])],
        [("index", TensorProto.INT64, ("N",))],
        [("y", TensorProto.FLOAT, ("N",))],
        [table],
    )


def failing_above_zero() -> bytes:
    """Gives three numbers, but fails while it runs if the input is above 0.

    Slicing by the input's own value makes a shape that the last Reshape refuses.
    """
    tensors = [
        helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        helper.make_tensor("shape", TensorProto.INT64, [1], [3]),
        helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("three", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0]),
    ]
    return _model(
        [helper.make_node("Reshape", ["x", "flat"], ["start"]),
         helper.make_node("Slice", ["three", "start", "shape"], ["part"]),
         helper.make_node("Reshape", ["part", "shape"], ["y"])],
        [("x", TensorProto.INT64, (1,))],
        [("y", TensorProto.FLOAT, (3,))],
        tensors,
    )  # fmt: skip


def quantized(scale: float) -> bytes:
    """FP32 in, INT8 out: numbers in steps of `scale`."""
    constants = [
        helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
        helper.make_tensor("zero", TensorProto.INT8, [], [0]),
    ]
    return _model(
        [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["y"])],
        [("x", TensorProto.FLOAT, ("N", 4))],
        [("y", TensorProto.INT8, ("N", 4))],
        constants,
    )


def doubled_in_a_loop(times: int) -> bytes:
    """`y = 2 ** times * x`, by a loop."""
    body = helper.make_graph(
        [helper.make_node("Add", ["before", "before"], ["after"]),
         helper.make_node("Identity", ["go_on"], ["goes_on"])],
        "body",
        [helper.make_tensor_value_info("index", TensorProto.INT64, []),
         helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("before", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("after", TensorProto.FLOAT, ["N", 4])],
    )  # fmt: skip
    constants = [
        helper.make_tensor("times", TensorProto.INT64, [], [times]),
        helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
    ]
    return _model(
        [helper.make_node("Loop", ["times", "yes", "x"], ["y"], body=body)],
        [("x", TensorProto.FLOAT, ("N", 4))],
        [("y", TensorProto.FLOAT, ("N", 4))],
        constants,
    )


def with_a_map_output() -> bytes:
    """An output that the protocol cannot carry, as skl2onnx makes without `zipmap=False`."""
    labels = helper.make_node(
        "ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]
    )
    value = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    )
    output = helper.make_value_info("y", helper.make_sequence_type_proto(value))
    graph = helper.make_graph(
        [labels], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])], [output]
    )
    return _serialized(graph)


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, Axes]],
    outputs: Sequence[tuple[str, int, Axes]],
    constants: Sequence[onnx.TensorProto] = (),
) -> bytes:
    return _serialized(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info(*tensor) for tensor in inputs],
            [helper.make_tensor_value_info(*tensor) for tensor in outputs],
            constants,
        )
    )


def _serialized(graph: onnx.GraphProto) -> bytes:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    serialized: bytes = model.SerializeToString()
    return serialized
