"""The Open Inference Protocol over gRPC."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import grpc
from tritonclient.grpc import service_pb2 as pb

from algolink.names import INTERNAL_VERSION_HEADER
from inference_svc import (
    EXTENSIONS,
    SERVED_HEADER,
    SERVER_NAME,
    SERVER_VERSION,
    oip_grpc,
    oip_model,
)
from inference_svc.data_plane import DataPlane
from inference_svc.domain.requests import parse_version
from inference_svc.servicer_repository import RepositoryCalls
from inference_svc.servicer_shared_memory import SharedMemoryCalls
from inference_svc.servicer_stream import StreamCalls

Context = grpc.aio.ServicerContext[Any, Any]

SERVICE_NAME: Final = "inference.GRPCInferenceService"

MESSAGE_LIMIT_BYTES: Final = 128 * 1024 * 1024

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
    ("grpc.max_send_message_length", MESSAGE_LIMIT_BYTES),
)


class InferenceServicer(RepositoryCalls, SharedMemoryCalls, StreamCalls):
    """Reads a message, asks the data plane, writes a message."""

    def __init__(self, plane: DataPlane, ending: asyncio.Event) -> None:
        """Answers from `plane`; streams end when `ending` is set."""
        self._plane = plane
        self._ending = ending

    async def ServerLive(
        self, request: pb.ServerLiveRequest, context: Context
    ) -> pb.ServerLiveResponse:
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(
        self, request: pb.ServerReadyRequest, context: Context
    ) -> pb.ServerReadyResponse:
        return pb.ServerReadyResponse(ready=self._plane.predictor.is_ready)

    async def ServerMetadata(
        self, request: pb.ServerMetadataRequest, context: Context
    ) -> pb.ServerMetadataResponse:
        return pb.ServerMetadataResponse(
            name=SERVER_NAME, version=SERVER_VERSION, extensions=EXTENSIONS
        )

    async def ModelReady(
        self, request: pb.ModelReadyRequest, context: Context
    ) -> pb.ModelReadyResponse:
        version = _version(request.version, context)
        return pb.ModelReadyResponse(
            ready=self._plane.predictor.is_model_ready(request.name, version)
        )

    async def ModelMetadata(
        self, request: pb.ModelMetadataRequest, context: Context
    ) -> pb.ModelMetadataResponse:
        version = _version(request.version, context)
        return oip_grpc.metadata_to_proto(
            self._plane.predictor.model_metadata(request.name, version)
        )

    async def ModelConfig(
        self, request: pb.ModelConfigRequest, context: Context
    ) -> pb.ModelConfigResponse:
        version = _version(request.version, context)
        metadata = self._plane.predictor.model_metadata(request.name, version)
        return pb.ModelConfigResponse(config=oip_model.config_to_proto(metadata))

    async def ModelStatistics(
        self, request: pb.ModelStatisticsRequest, context: Context
    ) -> pb.ModelStatisticsResponse:
        # Not the header's version: a client that names none asks about all of them.
        version = parse_version(request.version)
        statistics = self._plane.predictor.statistics(request.name or None, version)
        return oip_model.statistics_to_proto(statistics)

    async def ModelInfer(
        self, request: pb.ModelInferRequest, context: Context
    ) -> pb.ModelInferResponse:
        version = _version(request.model_version, context)
        decoded = oip_grpc.request_from_proto(request, version, self._plane.memory)
        response = await self._plane.infer(decoded, timeout_s=context.time_remaining())
        # In the trailers, which leave in one piece with headers and message: a proxy
        # cannot try another replica once it has headers, so none may go ahead.
        context.set_trailing_metadata(((SERVED_HEADER, str(response.version)),))
        return oip_grpc.response_to_proto(response, decoded)


def _version(named: str, context: Context) -> int | None:
    """The version to run: the router's header wins over what the client says."""
    for key, value in context.invocation_metadata() or ():
        if key == INTERNAL_VERSION_HEADER:
            return parse_version(value if isinstance(value, str) else value.decode())
    return parse_version(named)
