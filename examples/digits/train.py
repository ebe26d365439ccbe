"""Two classifiers of clearly different quality, and digits that neither has seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from skl2onnx import to_onnx
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

from examples.digits.material import Classifier, Training


def train() -> Training:
    """Trains both on one half of the digits; the other half is held out."""
    pixels, digits = load_digits(return_X_y=True)
    seen, held_out, seen_digits, held_out_digits = train_test_split(
        pixels.astype(np.float32), digits.astype(np.int64), test_size=0.5, random_state=7
    )

    def fitted(model: Any) -> Classifier:
        return _classifier(model.fit(seen, seen_digits), held_out, held_out_digits)

    return Training(
        champion=fitted(DecisionTreeClassifier(max_depth=6, random_state=7)),
        challenger=fitted(make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=500))),
        images=held_out,
        digits=held_out_digits,
    )


def _classifier(
    model: ClassifierMixin, images: npt.NDArray[np.float32], digits: npt.NDArray[np.int64]
) -> Classifier:
    # Without zipmap the probabilities are one tensor, not a list of dictionaries.
    onnx = to_onnx(model, images[:1], options={"zipmap": False})
    return Classifier(onnx.SerializeToString(), float(model.score(images, digits)))
