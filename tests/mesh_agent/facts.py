"""A fact service for tests, over a real channel."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2

from algolink.errors import InvalidArgument
from algolink.experiment.v1 import facts_pb2, facts_pb2_grpc, losses_pb2, losses_pb2_grpc
from chassis import errors


@dataclass
class Facts(facts_pb2_grpc.FactServiceServicer, losses_pb2_grpc.LossServiceServicer):
    """Keeps each exposure once, by its key, and what was lost.

    Attributes:
        kept: those of requests, by request id.
        others: those of attempts and shadows, by request id, kind and attempt.
        conflicts: request ids that came again with other content.
        batches: sizes of all batches that were kept.
        failure_rate: share of the calls that fail, half of them after the batch
            was kept.
        refused_models: exposures of these are refused.
        reports: of losses, in the order in which they came.
    """

    failure_rate: float = 0.0
    refused_models: frozenset[str] = frozenset()
    kept: dict[str, facts_pb2.Exposure] = field(default_factory=dict)
    others: dict[tuple[str, int, int], facts_pb2.Exposure] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    reports: list[losses_pb2.ReportLossesRequest] = field(default_factory=list)
    failures: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    async def RecordExposures(
        self, request: facts_pb2.RecordExposuresRequest, context: Any
    ) -> facts_pb2.RecordResponse:
        fails, after = self._random.random() < self.failure_rate, self._random.random() < 0.5
        if fails and not after:
            await self._fail(context)
        for index, exposure in enumerate(request.exposures):
            if exposure.model in self.refused_models:
                refusal = InvalidArgument("FACT_INVALID", f"exposure {index}", index=index)
                await context.abort_with_status(errors.to_status(refusal))
        for exposure in request.exposures:
            if self._keep(exposure) != exposure:
                self.conflicts.append(exposure.request_id)
        self.batches.append(len(request.exposures))
        if fails:
            await self._fail(context)
        return facts_pb2.RecordResponse(accepted=len(request.exposures))

    async def ReportLosses(
        self, request: losses_pb2.ReportLossesRequest, context: Any
    ) -> empty_pb2.Empty:
        self.reports.append(request)
        return empty_pb2.Empty()

    def _keep(self, exposure: facts_pb2.Exposure) -> facts_pb2.Exposure:
        if exposure.kind == facts_pb2.EXPOSURE_KIND_REQUEST:
            return self.kept.setdefault(exposure.request_id, exposure)
        key = (exposure.request_id, int(exposure.kind), exposure.attempt)
        return self.others.setdefault(key, exposure)

    async def _fail(self, context: Any) -> None:
        self.failures += 1
        await context.abort(grpc.StatusCode.UNAVAILABLE, "told to fail")


@contextlib.asynccontextmanager
async def serving(facts: Facts, port: int = 0) -> AsyncIterator[int]:
    """Serves `facts` on the loopback interface; gives the port."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    facts_pb2_grpc.add_FactServiceServicer_to_server(facts, server)
    losses_pb2_grpc.add_LossServiceServicer_to_server(facts, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(None)
