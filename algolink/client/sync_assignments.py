"""Who is in which arm, for the blocking client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from algolink.client import assignments
from algolink.client.sync_transport import SyncTransport
from algolink.experiment.v1 import assignment_pb2


class Assignments:
    """Where units are in an experiment; `Client.assignments`. To ask is no exposure."""

    def __init__(self, transport: SyncTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    def of(self, experiment: str, unit: str) -> assignment_pb2.Assignment:
        """The arm of a unit, and why.

        Raises:
            InvalidArgument: UNIT_INVALID.
            FailedPrecondition: EXPERIMENT_NOT_ROUTED or UNIT_IS_REQUEST.
        """
        return self._transport.unary(assignments.one(experiment, unit), self._timeout_s)

    def of_many(self, experiment: str, units: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Each unit with its arm, in order; "" for what is no unit and is in none.

        Asks in batches as it is read, so there may be any number.

        Raises:
            FailedPrecondition: EXPERIMENT_NOT_ROUTED or UNIT_IS_REQUEST.
        """
        for batch, call in assignments.many(experiment, units):
            response = self._transport.unary(call, self._timeout_s)
            yield from zip(batch, assignments.arms(response), strict=True)
