"""The asyncio client's part about what became of facts."""

from __future__ import annotations

from collections.abc import Iterable

from algolink.client import feedback, outcomes
from algolink.client.aio_transport import AioTransport
from algolink.client.feedback import Feedback
from algolink.experiment.v1 import facts_pb2 as pb


class AsyncFacts:
    """What experiments make of what they are told: `client.facts`."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def outcome_counts(self, experiment: str) -> pb.OutcomeCounts:
        """How many outcomes count for an experiment, and how many do not, by reason.

        Raises:
            NotFound: EXPERIMENT_NOT_FOUND.
        """
        return await self._transport.unary(outcomes.counts(experiment), self._timeout_s)

    async def feedback(self, batch: Iterable[Feedback]) -> pb.RecordFeedbackResponse:
        """Says how good predictions were, by their requests; at most 10,000 at a time.

        What the answer lists as unknown is to be sent again a little later.

        Raises:
            InvalidArgument: FACT_INVALID.
            ResourceExhausted: BATCH_TOO_LARGE.
        """
        return await self._transport.unary(feedback.record(batch), self._timeout_s)
