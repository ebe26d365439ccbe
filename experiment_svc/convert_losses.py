"""Losses on the wire."""

from __future__ import annotations

from algolink.errors import AlgoLinkError, InvalidArgument
from algolink.experiment.v1 import losses_pb2 as pb
from algolink.names import ExperimentName
from experiment_svc import convert
from experiment_svc.domain import losses
from experiment_svc.domain.losses import Loss, Report


def report_from_proto(request: pb.ReportLossesRequest) -> Report:
    """A report, checked.

    Raises:
        InvalidArgument: LOSS_INVALID.
    """
    try:
        found = [_loss_from_proto(loss, request) for loss in request.losses]
    except (AlgoLinkError, ValueError) as error:
        raise InvalidArgument("LOSS_INVALID", str(error), cause=error) from error
    report = Report(node=request.node, run=request.run, revision=request.revision, losses=found)
    losses.check_report(report)
    return report


def loss_to_proto(loss: Loss) -> pb.Loss:
    """A loss with all that is known of it."""
    message = pb.Loss(
        experiment=str(ExperimentName(loss.experiment)),
        exposures=loss.exposures,
        at_least=loss.at_least,
        node=loss.node,
        run=loss.run,
        cause=loss.cause,
        time=convert.time_to_proto(loss.time),
    )
    if loss.acknowledgement is not None:
        message.acknowledge_time.CopyFrom(convert.time_to_proto(loss.acknowledgement.time))
        message.acknowledged_by = loss.acknowledgement.by
        message.note = loss.acknowledgement.note
    return message


def _loss_from_proto(loss: pb.Loss, request: pb.ReportLossesRequest) -> Loss:
    return Loss(
        experiment=ExperimentName.parse(loss.experiment).experiment,
        node=request.node,
        run=request.run,
        revision=request.revision,
        exposures=loss.exposures,
        at_least=loss.at_least,
        cause=request.cause,
        time=convert.time_from_proto(request.time),
    )
