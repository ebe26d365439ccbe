from __future__ import annotations

import onnxruntime

from examples.digits.material import INPUT, LABEL
from examples.digits.train import train


def test_the_classifiers_differ_clearly_and_take_the_same() -> None:
    training = train()

    assert training.challenger.accuracy - training.champion.accuracy > 0.1
    for classifier in (training.champion, training.challenger):
        session = onnxruntime.InferenceSession(classifier.onnx)
        labels = session.run([LABEL], {INPUT: training.images})[0]
        assert (labels == training.digits).mean() == classifier.accuracy
