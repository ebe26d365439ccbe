"""Watches of the registry and the experiment service."""

from __future__ import annotations

import logging

import grpc

from algolink.errors import AlgoLinkError
from algolink.experiment.v1 import experiment_pb2, experiment_pb2_grpc
from algolink.names import ExperimentName, ModelName
from algolink.registry.v1 import registry_pb2, registry_pb2_grpc
from chassis.channel import follow_stream
from router_svc import convert
from router_svc.heard import Heard

_log = logging.getLogger(__name__)


async def follow_models(channel: grpc.aio.Channel, heard: Heard) -> None:
    """Keeps the models in `heard` as the registry shows them; never ends by itself."""
    stub = registry_pb2_grpc.RegistryServiceStub(channel)
    models = heard.models
    async for message in follow_stream(
        lambda token: stub.WatchModels(registry_pb2.WatchModelsRequest(resume_token=token)),
        name="models",
    ):
        if message.restarted:
            models.restart()
        event = message.WhichOneof("event")
        if event == "model":
            try:
                model = convert.model_from_proto(message.model)
            except (AlgoLinkError, ValueError) as error:
                _skipped(message.model.model.name, error)
            else:
                models.put(model.id, model)
        elif event == "deleted":
            models.delete(ModelName.parse(message.deleted).model)
        elif event == "synced":
            models.mark_synced()


async def follow_experiments(channel: grpc.aio.Channel, heard: Heard) -> None:
    """Keeps the experiments in `heard` as their service shows them; never ends by itself."""
    stub = experiment_pb2_grpc.ExperimentServiceStub(channel)
    experiments = heard.experiments
    async for message in follow_stream(
        lambda token: stub.WatchExperiments(
            experiment_pb2.WatchExperimentsRequest(resume_token=token)
        ),
        name="experiments",
    ):
        if message.restarted:
            experiments.restart()
        event = message.WhichOneof("event")
        if event == "experiment":
            try:
                experiment = convert.experiment_from_proto(message.experiment)
            except (AlgoLinkError, ValueError) as error:
                _skipped(message.experiment.name, error)
            else:
                experiments.put(experiment.id, experiment)
        elif event == "deleted":
            experiments.delete(ExperimentName.parse(message.deleted).experiment)
        elif event == "synced":
            experiments.mark_synced()


def _skipped(name: str, error: Exception) -> None:
    # What cannot be understood is unknown, and what is unknown stays as it was.
    _log.error("resource not understood", extra={"resource": name, "error": str(error)})
