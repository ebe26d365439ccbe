"""Loads an ONNX file as an engine will, and prints what it takes and gives.

    python -m registry_svc.inspect_onnx FILE

Prints one JSON object: `inputs` and `outputs`, or `refusal` with the reason why
the file cannot be served. A process of its own, because what a stranger uploads
may crash the engine, or ask it for any amount of memory.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(float16)": "FP16",
    "tensor(bfloat16)": "BF16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
"""Open Inference Protocol data type of each of ONNX Runtime's."""

_ENGINE_BYTES = 4 * 1024**3  # address space of the engine itself; most of it is never touched
_MODEL_FACTOR = 6  # the files, its parsed form, and the engine's copies of the weights


class RefusedError(Exception):
    """The file cannot be served; says why."""


def inspect(path: Path) -> dict[str, Any]:
    """Signature of the model in a file, as JSON values.

    Raises:
        RefusedError: if the engine does not load it, or a tensor has no data
            type in the Open Inference Protocol.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the errors of the engine share no narrower base
        raise RefusedError(
            str(error).replace(str(path), "the file").replace(f"{path.parent}/", "")
        ) from error
    return {
        "inputs": [_tensor("input", node) for node in session.get_inputs()],
        "outputs": [_tensor("output", node) for node in session.get_outputs()],
    }


def _tensor(kind: str, node: Any) -> tuple[str, str, list[int]]:
    datatype = DATATYPES.get(node.type)
    if datatype is None:
        hint = " (skl2onnx: pass options={'zipmap': False})" if "map(" in node.type else ""
        raise RefusedError(
            f"{kind} {node.name!r} is a {node.type}: only tensors can be served{hint}"
        )
    shape = [axis if isinstance(axis, int) and axis >= 0 else -1 for axis in node.shape]
    return node.name, datatype, shape


def _bound_memory(path: Path) -> None:
    beside = (file for file in path.parent.rglob("*") if file.is_file() and file != path)
    # Weights may lie in other files of its folder.
    size_bytes = path.stat().st_size + sum(file.stat().st_size for file in beside)
    limit = _ENGINE_BYTES + _MODEL_FACTOR * size_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main() -> None:
    path = Path(sys.argv[1])
    _bound_memory(path)
    try:
        answer = inspect(path)
    except RefusedError as refusal:
        answer = {"refusal": str(refusal)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
