"""Writes two ways to tell irises apart, to push and to compare: `python -m examples.iris`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

_CLASSIFIERS = {
    "iris-1.onnx": DecisionTreeClassifier(max_depth=1, random_state=0),
    "iris-2.onnx": LogisticRegression(max_iter=1_000),
}


def main() -> None:
    """Trains both on all irises and writes them into the present folder."""
    flowers, species = load_iris(return_X_y=True)
    flowers = flowers.astype(np.float32)
    for name, classifier in _CLASSIFIERS.items():
        classifier.fit(flowers, species)
        onnx = to_onnx(classifier, flowers[:1], options={"zipmap": False})
        Path(name).write_bytes(onnx.SerializeToString())
        print(f"{name}: {classifier.score(flowers, species):.0%} right")


if __name__ == "__main__":
    main()
