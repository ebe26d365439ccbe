"""FactService: what is acknowledged is on disk, and counted once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc

from algolink.errors import InvalidArgument
from algolink.experiment.v1 import facts_pb2 as pb
from algolink.experiment.v1 import facts_pb2_grpc as rpc
from algolink.names import shown
from experiment_svc import convert_facts
from experiment_svc.domain.fact_checks import MAX_TEXT
from experiment_svc.intake import OutcomeIntake
from experiment_svc.store import Store

Context = grpc.aio.ServicerContext[Any, Any]


class FactServicer(rpc.FactServiceServicer):
    """Facts into a store.

    A fact is taken whether or not its experiment is known: Envoy's log must not
    block on what the control plane lost.

    Args:
        now: the clock; UTC.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._outcomes = OutcomeIntake(store)

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
        outcomes = convert_facts.outcomes_from_proto(request.outcomes, received=self._now())
        receipt = await self._outcomes.put(outcomes)
        return convert_facts.receipt_to_proto(receipt)


def _node(node: str) -> str:
    if not node or len(node) > MAX_TEXT or not (node.isascii() and node.isprintable()):
        raise InvalidArgument(
            "NODE_INVALID",
            f"node is {shown(node)}: it must be 1 to {MAX_TEXT} printable ASCII characters",
            node=shown(node),
        )
    return node
