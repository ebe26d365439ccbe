"""What a model takes and gives, and whether a request fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.tensors import Array, Tensor

FREE = -1
"""Size of an axis that takes any size."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, type and shape of one tensor.

    Attributes:
        name: as the model calls it.
        datatype: what each element is.
        shape: one entry per axis, `FREE` where any size is taken; None where
            the model does not say how many axes there are.
        labels: names of the classes whose scores it holds, in their order; empty
            if it holds no scores, or the model does not name them.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...] | None
    labels: tuple[str, ...] = ()

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of `shape` fits.

        >>> TensorSpec("x", Datatype.FP32, (FREE, 4)).takes((8, 4))
        True
        >>> TensorSpec("x", Datatype.FP32, (FREE, 4)).takes((4,))
        False
        """
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            own in (FREE, given) for own, given in zip(self.shape, shape, strict=True)
        )

    @property
    def is_exact(self) -> bool:
        """Whether only the first axis, the batch, is free: any such input must be answered."""
        return self.shape is not None and FREE not in self.shape[1:]


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a model, each in the model's order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @cached_property
    def _input_by_name(self) -> dict[str, TensorSpec]:
        return {spec.name: spec for spec in self.inputs}

    @cached_property
    def _output_by_name(self) -> dict[str, TensorSpec]:
        return {spec.name: spec for spec in self.outputs}

    @property
    def is_exact(self) -> bool:
        """Whether every input's shape is known but for the batch."""
        return all(spec.is_exact for spec in self.inputs)

    def feed(self, inputs: Sequence[Tensor]) -> dict[str, Array]:
        """The arrays of `inputs` by name.

        Raises:
            InvalidArgument: INPUT_REPEATED, INPUT_UNKNOWN, INPUT_MISSING,
                DATATYPE_MISMATCH or SHAPE_MISMATCH.
        """
        feed: dict[str, Array] = {}
        for tensor in inputs:
            self._check(tensor)
            if tensor.name in feed:
                raise InvalidArgument(
                    "INPUT_REPEATED",
                    f"input {shown(tensor.name)} is given twice",
                    input=shown(tensor.name),
                )
            feed[tensor.name] = tensor.data
        if len(feed) != len(self.inputs):
            missing = [spec.name for spec in self.inputs if spec.name not in feed]
            raise InvalidArgument(
                "INPUT_MISSING",
                f"the model takes {self._listed()}; missing: {', '.join(missing)}",
                missing=", ".join(missing),
            )
        return feed

    def select(self, requested: Sequence[str]) -> tuple[str, ...]:
        """Names of the outputs to compute: `requested`, or all if it is empty.

        Raises:
            InvalidArgument: OUTPUT_UNKNOWN or OUTPUT_REPEATED.
        """
        if not requested:
            return tuple(self._output_by_name)
        for name in requested:
            if name not in self._output_by_name:
                raise InvalidArgument(
                    "OUTPUT_UNKNOWN",
                    f"the model gives {', '.join(self._output_by_name)}, "
                    f"and no output {shown(name)}",
                    output=shown(name),
                )
        if len(set(requested)) != len(requested):
            raise InvalidArgument(
                "OUTPUT_REPEATED",
                f"an output is requested twice: {shown(', '.join(requested))}",
                outputs=shown(", ".join(requested)),
            )
        return tuple(requested)

    @cached_property
    def labels(self) -> Mapping[str, Sequence[str]]:
        """Names of classes, by the output that holds their scores."""
        return {spec.name: spec.labels for spec in self.outputs if spec.labels}

    def output(self, name: str) -> TensorSpec:
        """The output of that name, which `select` has let through."""
        return self._output_by_name[name]

    def blank(self) -> dict[str, Array]:
        """One input of zeros or empty strings, with 1 for every free axis."""
        return {
            spec.name: np.full(
                tuple(1 if axis == FREE else axis for axis in spec.shape or ()),
                "" if spec.datatype is Datatype.BYTES else 0,
                dtype=spec.datatype.numpy,
            )
            for spec in self.inputs
        }

    def _check(self, tensor: Tensor) -> None:
        spec = self._input_by_name.get(tensor.name)
        if spec is None:
            raise InvalidArgument(
                "INPUT_UNKNOWN",
                f"the model takes {self._listed()}, and no input {shown(tensor.name)}",
                input=shown(tensor.name),
            )
        if tensor.datatype is not spec.datatype:
            raise InvalidArgument(
                "DATATYPE_MISMATCH",
                f"input {spec.name} is {spec.datatype}, not {tensor.datatype}",
                input=spec.name,
                expected=spec.datatype,
                actual=tensor.datatype,
            )
        if not spec.takes(tensor.shape):
            raise InvalidArgument(
                "SHAPE_MISMATCH",
                f"input {spec.name} takes shape {list(spec.shape or ())}, not {list(tensor.shape)}",
                input=spec.name,
                expected=list(spec.shape or ()),
                actual=list(tensor.shape),
            )

    def _listed(self) -> str:
        return ", ".join(self._input_by_name) or "no input"
