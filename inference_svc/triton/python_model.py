"""Runs an ONNX model within Triton's Python backend.

Not a module of ours: it is copied into the folder of each version, beside `model.onnx`
and `version.json`, and run there by Triton with numpy and onnxruntime alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as triton  # there where Triton runs this

FOLDER = Path(__file__).parent
LOG_FATAL = 4

Feed = dict[str, Any]


class TritonPythonModel:
    """One instance of one version."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Adds what this version takes and gives to what all versions share."""
        own = json.loads((FOLDER / "version.json").read_bytes())["config"]
        config.set_max_batch_size(own["max_batch_size"])
        for tensor in own["input"]:
            config.add_input(tensor)
        for tensor in own["output"]:
            config.add_output(tensor)
        if "dynamic_batching" in own:
            config.set_dynamic_batching()
            config.as_dict()["dynamic_batching"].update(own["dynamic_batching"])
        return config

    def initialize(self, _arguments: dict[str, str]) -> None:
        told = json.loads((FOLDER / "version.json").read_bytes())
        # Triton starts this program once for the configuration alone, which needs neither.
        import onnxruntime as ort
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        self._refusal = state.InvalidArgument
        options = ort.SessionOptions()
        options.intra_op_num_threads = told["threads"]
        options.inter_op_num_threads = 1
        options.log_severity_level = LOG_FATAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(
            str(FOLDER / "model.onnx"), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._inputs = [node.name for node in self._session.get_inputs()]
        self._has_rows = told["config"]["max_batch_size"] > 0

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answers each request; those that fit together share a run."""
        answers: dict[int, Any] = {}
        lanes: dict[Any, list[tuple[int, Feed]]] = defaultdict(list)
        for number, request in enumerate(requests):
            try:
                feed = self._feed(request)
            except UnicodeDecodeError as error:
                answers[number] = refused(f"an element of the input is not UTF-8: {error}")
                continue
            shapes = tuple(feed[name].shape[1:] for name in self._inputs)
            lane = (tuple(request.requested_output_names()), shapes)
            lanes[lane if self._has_rows else number].append((number, feed))
        for asked in lanes.values():
            outputs = list(requests[asked[0][0]].requested_output_names())
            answers.update(self._answered(outputs, asked))
        return [answers[number] for number in range(len(requests))]

    def _answered(
        self, outputs: list[str], asked: Sequence[tuple[int, Feed]]
    ) -> Iterator[tuple[int, Any]]:
        if len(asked) == 1:
            [(number, feed)] = asked
            yield number, self._alone(outputs, feed)
            return
        counts = [len(feed[self._inputs[0]]) for _, feed in asked]
        try:
            arrays = self._session.run(outputs, joined([feed for _, feed in asked]))
            parts = list(cut(arrays, counts))
        except Exception:  # noqa: BLE001 - the runtime's errors share no other base
            # Whichever of them is at fault fails alone, and not the others with it.
            for number, feed in asked:
                yield number, self._alone(outputs, feed)
            return
        for (number, _), part in zip(asked, parts, strict=True):
            yield number, answer(outputs, part)

    def _alone(self, outputs: list[str], feed: Feed) -> Any:
        try:
            return answer(outputs, self._session.run(outputs, feed))
        except Exception as error:  # noqa: BLE001 - as above
            return refused(str(error), blames_input=isinstance(error, self._refusal))

    def _feed(self, request: Any) -> Feed:
        return {tensor.name(): texts(tensor.as_numpy()) for tensor in request.inputs()}


def joined(feeds: Sequence[Feed]) -> Feed:
    return {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}


def cut(arrays: Sequence[Any], counts: Sequence[int]) -> Iterator[list[Any]]:
    """The rows of each request, of outputs that have one row for each row of the input."""
    if any(array.shape[:1] != (sum(counts),) for array in arrays):
        raise ValueError("an output has not one row for each row of the input")
    start = 0
    for count in counts:
        yield [array[start : start + count] for array in arrays]
        start += count


def answer(outputs: Sequence[str], arrays: Sequence[Any]) -> Any:
    return triton.InferenceResponse(
        [triton.Tensor(n, contiguous(a)) for n, a in zip(outputs, arrays, strict=True)]
    )


def texts(array: Any) -> Any:
    """`array` with `str` for `bytes`, which is how ONNX Runtime takes strings."""
    if array.dtype.kind != "O":
        return array
    decoded = np.empty(array.size, dtype=np.object_)
    decoded[:] = [each.decode() if isinstance(each, bytes) else each for each in array.flat]
    return decoded.reshape(array.shape)


def contiguous(array: Any) -> Any:
    """As Triton takes it: in one piece, and strings as objects."""
    return np.ascontiguousarray(array, dtype=np.object_ if array.dtype.kind in "OSU" else None)


def refused(message: str, *, blames_input: bool = True) -> Any:
    code = triton.TritonError.INVALID_ARG if blames_input else triton.TritonError.INTERNAL
    return triton.InferenceResponse(error=triton.TritonError(" ".join(message.split()), code))
