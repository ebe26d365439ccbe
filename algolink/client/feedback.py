"""How good predictions were, told by their requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from algolink.client.calls import Call
from algolink.errors import InvalidArgument
from algolink.experiment.v1 import facts_pb2 as pb
from algolink.names import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """How good the prediction of one request was: a value, or what would have been right.

    Attributes:
        request_id: `Prediction.request_id`.
        metric: name of the outcome that it becomes.
        value: finite; None where a label is given.
        prediction: what the model answered.
        label: what would have been right: the outcome is 1 if both are equal, else 0.
    """

    request_id: str
    metric: str
    value: float | None = None
    prediction: str | None = None
    label: str | None = None


def record(feedback: Iterable[Feedback]) -> Call[pb.RecordFeedbackResponse]:
    """The call that records at most 10,000 pieces of feedback.

    Raises:
        InvalidArgument: FACT_INVALID, for one with neither or both of value and label.
    """
    return Call(
        path="/algolink.experiment.v1.FactService/RecordFeedback",
        request=pb.RecordFeedbackRequest(feedback=[_to_proto(one) for one in feedback]),
        reply=pb.RecordFeedbackResponse,
    )


def _to_proto(feedback: Feedback) -> pb.Feedback:
    if (feedback.value is None) == (feedback.label is None):
        raise InvalidArgument(
            "FACT_INVALID",
            f"feedback on {shown(feedback.request_id)} needs a value, or prediction and label",
            request_id=feedback.request_id,
        )
    message = pb.Feedback(request_id=feedback.request_id, metric=feedback.metric)
    if feedback.value is not None:
        message.value = feedback.value
    else:
        message.labelled.prediction = feedback.prediction or ""
        message.labelled.label = feedback.label or ""
    return message
