"""LossService: what could not be counted is known, and forbids decisions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc
from google.protobuf import empty_pb2

from algolink.errors import InvalidArgument
from algolink.experiment.v1 import losses_pb2 as pb
from algolink.experiment.v1 import losses_pb2_grpc as rpc
from algolink.names import ExperimentName
from chassis import auth
from experiment_svc import convert_losses
from experiment_svc.domain.losses import MAX_NOTE, Acknowledgement
from experiment_svc.store import Store

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]

_LIST_LIMIT = 1_000


class LossServicer(rpc.LossServiceServicer):
    """Losses over a store.

    Args:
        now: the clock; UTC.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def ReportLosses(
        self, request: pb.ReportLossesRequest, context: Context
    ) -> empty_pb2.Empty:
        report = convert_losses.report_from_proto(request)
        async with self._store.transaction() as tx:
            await tx.report_losses(report)
        for loss in report.losses:
            if loss.is_any:
                _log.error(
                    "exposures lost",
                    extra={
                        "experiment": loss.experiment,
                        "node": loss.node,
                        "exposures": loss.exposures,
                        "at_least": loss.at_least,
                        "cause": loss.cause,
                    },
                )
        return empty_pb2.Empty()

    async def ListLosses(
        self, request: pb.ListLossesRequest, context: Context
    ) -> pb.ListLossesResponse:
        async with self._store.reading() as reading:
            found = await reading.open_losses(limit=_LIST_LIMIT)
        return pb.ListLossesResponse(losses=[convert_losses.loss_to_proto(loss) for loss in found])

    async def AcknowledgeLosses(
        self, request: pb.AcknowledgeLossesRequest, context: Context
    ) -> pb.AcknowledgeLossesResponse:
        name = ExperimentName.parse(request.name)
        if len(request.note) > MAX_NOTE:
            raise InvalidArgument(
                "NOTE_INVALID",
                f"the note has {len(request.note)} characters: at most {MAX_NOTE}",
                length=len(request.note),
            )
        taken = Acknowledgement(by=auth.caller().name, time=self._now(), note=request.note)
        async with self._store.transaction() as tx:
            experiment = await tx.get_experiment(name)
            acknowledged = await tx.acknowledge_losses(name, taken)
            if acknowledged:
                # A write, so that the rule looks again although no fact came.
                await tx.put_experiment(experiment)
        return pb.AcknowledgeLossesResponse(
            losses=[convert_losses.loss_to_proto(loss) for loss in acknowledged]
        )
