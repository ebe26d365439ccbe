"""Feedback: how good the prediction of one request was.

It becomes an outcome of the request's unit at the request's moment, so that it
counts for the arm, and so for the version, that the unit is analysed in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from experiment_svc.domain.facts import Outcome


@dataclass(frozen=True, slots=True)
class Taken:
    """A request as far as feedback on it goes.

    Attributes:
        unit: empty if no experiment took it.
        time: when it began; UTC.
    """

    unit: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """How good the prediction of one request was; its key is (request_id, metric)."""

    request_id: str
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class Joined:
    """A batch of feedback beside the requests that it is about.

    Attributes:
        outcomes: what is to be stored.
        unknown: ids of requests that are not known, each once.
        unassigned: ids of requests that no experiment took, each once.
    """

    outcomes: Sequence[Outcome]
    unknown: Sequence[str]
    unassigned: Sequence[str]


def join(batch: Sequence[Feedback], requests: Mapping[str, Taken], *, received: datetime) -> Joined:
    """Makes outcomes of feedback.

    Args:
        requests: those that are known, by id.
    """
    outcomes, unknown, unassigned = [], [], []
    for feedback in batch:
        request = requests.get(feedback.request_id)
        if request is None:
            unknown.append(feedback.request_id)
        elif not request.unit:
            unassigned.append(feedback.request_id)
        else:
            outcomes.append(_outcome(feedback, request, received))
    return Joined(outcomes, list(dict.fromkeys(unknown)), list(dict.fromkeys(unassigned)))


def _outcome(feedback: Feedback, request: Taken, received: datetime) -> Outcome:
    # A digest, since a request id may be as long as an event id and more.
    key = hashlib.blake2b(
        f"{feedback.request_id}\n{feedback.metric}".encode(), digest_size=16
    ).hexdigest()
    return Outcome(
        event_id=f"feedback-{key}",
        unit=request.unit,
        metric=feedback.metric,
        value=feedback.value,
        time=request.time,
        received=received,
        digest=hashlib.blake2b(float(feedback.value).hex().encode(), digest_size=16).digest(),
    )
