"""FactService: what is acknowledged is on disk, and counted once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from datetime import datetime
from typing import Any

import grpc

from algolink.errors import InvalidArgument, ResourceExhausted
from algolink.experiment.v1 import facts_pb2 as pb
from algolink.experiment.v1 import facts_pb2_grpc as rpc
from algolink.names import ExperimentName, shown
from chassis import errors, watch
from experiment_svc import convert_facts
from experiment_svc.domain import feedback
from experiment_svc.domain.fact_checks import MAX_TEXT
from experiment_svc.intake import OutcomeIntake
from experiment_svc.store import Store

Context = grpc.aio.ServicerContext[Any, Any]


class FactServicer(rpc.FactServiceServicer):
    """Facts into a store.

    A fact is taken whether or not its experiment is known: Envoy's log must not
    block on what the control plane lost.

    Args:
        outcomes: shared with whoever else takes outcomes.
        now: the clock; UTC.
        draining: streams end once it is set.
    """

    def __init__(
        self,
        store: Store,
        outcomes: OutcomeIntake,
        *,
        now: Callable[[], datetime],
        draining: asyncio.Event,
    ) -> None:
        self._store = store
        self._outcomes = outcomes
        self._now = now
        self._draining = draining

    async def RecordExposures(
        self, request: pb.RecordExposuresRequest, context: Context
    ) -> pb.RecordResponse:
        node = _node(request.node)
        exposures = convert_facts.exposures_from_proto(request.exposures)
        async with self._store.transaction() as tx:
            receipt = await tx.add_exposures(exposures, node=node)
        return convert_facts.receipt_to_proto(receipt)

    async def RecordOutcomes(
        self, request: pb.RecordOutcomesRequest, context: Context
    ) -> pb.RecordResponse:
        return await self._record(request)

    async def StreamOutcomes(
        self, request_iterator: AsyncIterable[pb.RecordOutcomesRequest], context: Context
    ) -> AsyncIterator[pb.StreamOutcomesResponse]:
        number = 0
        async for request in watch.until_set(request_iterator, self._draining):
            try:
                answer = pb.StreamOutcomesResponse(
                    batch=number, recorded=await self._record(request)
                )
            except (InvalidArgument, ResourceExhausted) as error:
                answer = pb.StreamOutcomesResponse(
                    batch=number, refused=convert_facts.refusal_to_proto(error)
                )
            yield answer
            number += 1
        if self._draining.is_set():
            raise errors.draining()

    async def RecordFeedback(
        self, request: pb.RecordFeedbackRequest, context: Context
    ) -> pb.RecordFeedbackResponse:
        batch = convert_facts.feedback_from_proto(request.feedback)
        async with self._store.reading() as reading:
            requests = await reading.get_requests([one.request_id for one in batch])
        joined = feedback.join(batch, requests, received=self._now())
        receipt = await self._outcomes.put(joined.outcomes)
        return pb.RecordFeedbackResponse(
            recorded=convert_facts.receipt_to_proto(receipt),
            unknown=joined.unknown,
            unassigned=joined.unassigned,
        )

    async def GetOutcomeCounts(
        self, request: pb.GetOutcomeCountsRequest, context: Context
    ) -> pb.OutcomeCounts:
        name = ExperimentName.parse(request.experiment)
        async with self._store.reading() as reading:
            experiment = await reading.get_experiment(name)
            counts = await reading.get_outcome_counts(experiment)
        return convert_facts.outcome_counts_to_proto(counts)

    async def _record(self, request: pb.RecordOutcomesRequest) -> pb.RecordResponse:
        outcomes = convert_facts.outcomes_from_proto(request.outcomes, received=self._now())
        return convert_facts.receipt_to_proto(await self._outcomes.put(outcomes))


def _node(node: str) -> str:
    if not node or len(node) > MAX_TEXT or not (node.isascii() and node.isprintable()):
        raise InvalidArgument(
            "NODE_INVALID",
            f"node is {shown(node)}: it must be 1 to {MAX_TEXT} printable ASCII characters",
            node=shown(node),
        )
    return node
