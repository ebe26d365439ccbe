"""What happened to units, sent in batches that are safe to send again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from algolink.client.calls import Call
from algolink.client.experiments import experiment_name
from algolink.errors import InvalidArgument
from algolink.experiment.v1 import facts_pb2 as pb

BATCH_OUTCOMES = 5_000
"""Per call; the service takes at most 10,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A value of a metric for a unit.

    Attributes:
        unit: as sent with its predictions.
        metric: name of the metric.
        value: finite, in the metric's unit.
        event_id: kept when it is sent again, so that it counts once; minted.
        time: when it happened, aware; None means when it is received.
    """

    unit: str
    metric: str
    value: float
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime | None = None


def one(
    unit: str, metric: str, value: float, event_id: str | None, time: datetime | None
) -> Outcome:
    """An outcome; without an id it gets one."""
    minted = event_id if event_id is not None else str(uuid.uuid4())
    return Outcome(unit=unit, metric=metric, value=value, time=time, event_id=minted)


def record(outcomes: Iterable[Outcome]) -> Iterator[Call[pb.RecordResponse]]:
    """The calls that record `outcomes`, in order; no outcomes are no calls."""
    waiting = iter(outcomes)
    while batch := list(islice(waiting, BATCH_OUTCOMES)):
        yield Call(
            path="/algolink.experiment.v1.FactService/RecordOutcomes",
            request=pb.RecordOutcomesRequest(outcomes=[_to_proto(outcome) for outcome in batch]),
            reply=pb.RecordResponse,
        )


def counts(experiment: str) -> Call[pb.OutcomeCounts]:
    """The call that says what became of an experiment's outcomes."""
    return Call(
        path="/algolink.experiment.v1.FactService/GetOutcomeCounts",
        request=pb.GetOutcomeCountsRequest(experiment=experiment_name(experiment)),
        reply=pb.OutcomeCounts,
    )


def total(responses: Iterable[pb.RecordResponse]) -> pb.RecordResponse:
    """What became of all batches together."""
    together = pb.RecordResponse()
    for response in responses:
        together.accepted += response.accepted
        together.redelivered += response.redelivered
        together.conflicts += response.conflicts
    return together


def _to_proto(outcome: Outcome) -> pb.Outcome:
    message = pb.Outcome(
        event_id=outcome.event_id, unit=outcome.unit, metric=outcome.metric, value=outcome.value
    )
    if outcome.time is not None:
        if outcome.time.tzinfo is None:
            raise InvalidArgument(
                "FACT_INVALID",
                f"time {outcome.time.isoformat()} has no time zone: use an aware datetime",
                time=outcome.time.isoformat(),
            )
        message.time.FromDatetime(outcome.time)
    return message
