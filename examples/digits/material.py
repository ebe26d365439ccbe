"""What the experiment is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

INPUT = "X"
"""Name of the models' input: rows of 64 pixels, FP32."""

LABEL = "label"
"""Name of the output that holds the digit, INT64."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained model.

    Attributes:
        onnx: the model as it is pushed.
        accuracy: share of the held-out digits that it gets right.
    """

    onnx: bytes
    accuracy: float


@dataclass(frozen=True, slots=True)
class Training:
    """What the experiment is made of.

    Attributes:
        champion: the weaker classifier, a shallow decision tree.
        challenger: the better one, a logistic regression on all pixels.
        images: held-out digits, shape (n, 64), 0 to 16.
        digits: what they are, shape (n,).
    """

    champion: Classifier
    challenger: Classifier
    images: npt.NDArray[np.float32]
    digits: npt.NDArray[np.int64]
