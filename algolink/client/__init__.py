"""The client: from a trained model to an answered question in a few lines.

>>> from algolink.client import Client
>>> with Client() as client:  # doctest: +SKIP
...     client.push("iris.onnx", name="iris")
...     client.predict("iris", [[5.1, 3.5, 1.4, 0.2]], unit="user-42").output

`AsyncClient` has the same methods as coroutines. Administration goes to the
admin endpoint with a token, predictions go to the data endpoint without one;
both are found by themselves where `algolink up` runs. What a call returns is
the resource as the service sent it (`registry_pb2.Version` and so on), and
`Prediction` for a prediction. What fails raises a class of `algolink.errors`.
"""

from __future__ import annotations

from algolink.client.aio import AsyncClient
from algolink.client.artifact import Artifact, Progress, Serializable
from algolink.client.connection import Connection
from algolink.client.experiments import Analysis, Arm, Metric, Rule
from algolink.client.feedback import Feedback
from algolink.client.metrics import Covariate, Definition, Use
from algolink.client.outcomes import Outcome
from algolink.client.prediction import Prediction
from algolink.client.sync import Client

__all__ = [
    "Analysis",
    "Arm",
    "Artifact",
    "AsyncClient",
    "Client",
    "Connection",
    "Covariate",
    "Definition",
    "Feedback",
    "Metric",
    "Outcome",
    "Prediction",
    "Progress",
    "Rule",
    "Serializable",
    "Use",
]
