"""Facts from the wire, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message

from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import facts_pb2 as pb
from algolink.names import ExperimentName
from experiment_svc import convert
from experiment_svc.domain import fact_checks
from experiment_svc.domain.facts import Exposure, Kind, Outcome, Receipt
from experiment_svc.domain.feedback import Feedback
from experiment_svc.domain.outcome_counts import OutcomeCounts


def exposures_from_proto(messages: Sequence[pb.Exposure]) -> list[Exposure]:
    """A batch of exposures.

    Raises:
        InvalidArgument: FACT_INVALID, for the first bad one.
        ResourceExhausted: BATCH_TOO_LARGE.
    """
    fact_checks.check_batch(len(messages), "exposures")
    exposures = []
    for index, message in enumerate(messages):
        try:
            exposure = _exposure(message)
            fact_checks.check_exposure(exposure)
        except (ValueError, AlgoLinkError) as error:
            raise fact_checks.invalid(index, "exposure", error) from error
        exposures.append(exposure)
    return exposures


def outcomes_from_proto(messages: Sequence[pb.Outcome], *, received: datetime) -> list[Outcome]:
    """A batch of outcomes; one without a time happened when it was received.

    Raises:
        InvalidArgument: FACT_INVALID, for the first bad one.
        ResourceExhausted: BATCH_TOO_LARGE.
    """
    fact_checks.check_batch(len(messages), "outcomes")
    outcomes = []
    for index, message in enumerate(messages):
        try:
            outcome = _outcome(message, received)
            fact_checks.check_outcome(outcome)
        except (ValueError, AlgoLinkError) as error:
            raise fact_checks.invalid(index, "outcome", error) from error
        outcomes.append(outcome)
    return outcomes


def feedback_from_proto(messages: Sequence[pb.Feedback]) -> list[Feedback]:
    """A batch of feedback.

    Raises:
        InvalidArgument: FACT_INVALID, for the first bad one.
        ResourceExhausted: BATCH_TOO_LARGE.
    """
    fact_checks.check_batch(len(messages), "pieces of feedback")
    batch = []
    for index, message in enumerate(messages):
        try:
            feedback = Feedback(
                request_id=message.request_id, metric=message.metric, value=_truth(message)
            )
            fact_checks.check_feedback(feedback)
        except ValueError as error:
            raise fact_checks.invalid(index, "feedback", error) from error
        batch.append(feedback)
    return batch


def receipt_to_proto(receipt: Receipt) -> pb.RecordResponse:
    """What became of a batch."""
    return pb.RecordResponse(
        accepted=receipt.accepted, redelivered=receipt.redelivered, conflicts=receipt.conflicts
    )


def refusal_to_proto(error: AlgoLinkError) -> pb.BatchRefusal:
    """Why a batch of a stream was not taken."""
    index = error.metadata.get("index")
    return pb.BatchRefusal(
        reason=error.reason,
        message=error.message,
        index=None if index is None else int(index),
    )


def outcome_counts_to_proto(counts: OutcomeCounts) -> pb.OutcomeCounts:
    """What became of an experiment's outcomes."""
    return pb.OutcomeCounts(
        tallies=[
            pb.OutcomeTally(
                metric=tally.metric,
                outcome=tally.outcome,
                counted=tally.counted,
                early=tally.early,
                after=tally.after,
                late=tally.late,
                strangers=tally.strangers,
            )
            for tally in counts.tallies
        ],
        unused=[pb.UnusedOutcomes(outcome=name, number=n) for name, n in counts.unused],
        redelivered=counts.redelivered,
        conflicts=counts.conflicts,
    )


def _exposure(message: pb.Exposure) -> Exposure:
    if not message.HasField("time"):
        raise ValueError("time is not set")
    experiment = message.experiment
    return Exposure(
        request_id=message.request_id,
        kind=_kind(message.kind),
        attempt=message.attempt,
        time=convert.time_from_proto(message.time),
        model=message.model,
        experiment=ExperimentName.parse(experiment).experiment if experiment else "",
        phase=message.phase,
        table_revision=message.table_revision,
        arm=message.arm,
        assigned_version=message.assigned_version,
        answered_version=message.answered_version,
        unit=message.unit,
        http_status=message.http_status,
        grpc_status=message.grpc_status if message.HasField("grpc_status") else None,
        response_flags=message.response_flags,
        duration_us=message.duration_us,
        digest=_digest(message),
    )


def _outcome(message: pb.Outcome, received: datetime) -> Outcome:
    has_time = message.HasField("time")
    return Outcome(
        event_id=message.event_id,
        unit=message.unit,
        metric=message.metric,
        value=message.value,
        time=convert.time_from_proto(message.time) if has_time else received,
        received=received,
        digest=_digest(message),
    )


def _truth(message: pb.Feedback) -> float:
    """Raises ValueError if nothing is said."""
    match message.WhichOneof("truth"):
        case "value":
            return message.value
        case "labelled":
            said = message.labelled
            if not said.prediction or not said.label:
                raise ValueError("prediction or label is empty")
            return 1.0 if said.prediction == said.label else 0.0
        case _:
            raise ValueError("neither a value nor a label is given")


def _kind(kind: pb.ExposureKind) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        raise ValueError(f"kind is {kind}: it must be request, attempt or shadow") from None


def _digest(message: Message) -> bytes:
    """Digest of what was sent: a fact without a time is the same however late it comes again."""
    encoded = message.SerializeToString(deterministic=True)
    return hashlib.blake2b(encoded, digest_size=16).digest()
