"""The models that all servers run: `y` of [N, outputs] from `x` of [N, inputs], FP32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class Model:
    """A multi-layer perceptron.

    Attributes:
        name: what requests call it.
        layers: numbers in its input, its hidden layers and its output.
    """

    name: str
    layers: tuple[int, ...]

    def artifact(self) -> bytes:
        """The model as an ONNX file, with the same random weights every time."""
        generator = np.random.default_rng(0)
        nodes, weights = [], []
        tensor = "x"
        for index, (width, following) in enumerate(
            zip(self.layers, self.layers[1:], strict=False), start=1
        ):
            is_last = index == len(self.layers) - 1
            weight = generator.normal(scale=width**-0.5, size=(width, following))
            weights.append(numpy_helper.from_array(weight.astype(np.float32), f"w{index}"))
            product = "y" if is_last else f"product{index}"
            nodes.append(helper.make_node("MatMul", [tensor, f"w{index}"], [product]))
            if not is_last:
                tensor = f"hidden{index}"
                nodes.append(helper.make_node("Relu", [product], [tensor]))
        graph = helper.make_graph(
            nodes,
            self.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", self.layers[0]])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", self.layers[-1]])],
            weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        serialized: bytes = model.SerializeToString()
        return serialized


MODELS = (Model("small", (4, 16, 3)), Model("medium", (256, 1024, 1024, 10)))
