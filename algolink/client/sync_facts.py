"""The blocking client's part about what became of facts."""

from __future__ import annotations

from algolink.client import outcomes
from algolink.client.sync_transport import SyncTransport
from algolink.experiment.v1 import facts_pb2 as pb


class Facts:
    """What experiments make of what they are told: `client.facts`."""

    def __init__(self, transport: SyncTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    def outcome_counts(self, experiment: str) -> pb.OutcomeCounts:
        """How many outcomes count for an experiment, and how many do not, by reason.

        Raises:
            NotFound: EXPERIMENT_NOT_FOUND.
        """
        return self._transport.unary(outcomes.counts(experiment), self._timeout_s)
