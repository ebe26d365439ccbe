"""Names of classes, which an ONNX file may carry in its metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from inference_svc.domain.signature import FREE, TensorSpec
from inference_svc.engines import LoadError

_PREFIX: Final = "algolink.labels."
"""Property `algolink.labels.<output>`: one label per line, in the order of the classes."""


def labelled(
    outputs: Sequence[TensorSpec], properties: Mapping[str, str]
) -> tuple[TensorSpec, ...]:
    r"""`outputs` with their labels, as far as the file has some.

    Args:
        properties: the file's metadata.

    Raises:
        LoadError: if there are labels for an output that does not exist, or not as
            many as that output has classes.

    >>> from inference_svc.domain.datatypes import Datatype
    >>> outputs = [TensorSpec("y", Datatype.FP32, (FREE, 2))]
    >>> labelled(outputs, {"algolink.labels.y": "cat\ndog"})[0].labels
    ('cat', 'dog')
    """
    labels = {
        name.removeprefix(_PREFIX): _lines(text)
        for name, text in properties.items()
        if name.startswith(_PREFIX)
    }
    unknown = sorted(labels.keys() - {spec.name for spec in outputs})
    if unknown:
        raise LoadError(
            f"its metadata has labels for {unknown[0]}, "
            f"and its outputs are {', '.join(spec.name for spec in outputs)}"
        )
    return tuple(
        _checked(replace(spec, labels=labels[spec.name])) if spec.name in labels else spec
        for spec in outputs
    )


def _lines(text: str) -> tuple[str, ...]:
    # Not splitlines: it takes more than line feeds for the end of a line.
    return tuple(line.strip() for line in text.removesuffix("\n").split("\n"))


def _checked(spec: TensorSpec) -> TensorSpec:
    shape = spec.shape or (FREE,)
    # The first of several axes is the batch; see `classification.largest`.
    classes = shape[1:] if len(shape) > 1 else shape
    if FREE not in classes and math.prod(classes) != len(spec.labels):
        raise LoadError(
            f"its metadata has {len(spec.labels)} labels for output {spec.name}, "
            f"which has {math.prod(classes)} classes"
        )
    return spec
