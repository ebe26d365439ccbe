"""Streams of requests over gRPC."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from algolink.errors import AlgoLinkError
from algolink.names import INTERNAL_VERSION_HEADER
from chassis import errors
from chassis.interception import header
from chassis.watch import until_set
from inference_svc import SERVED_HEADER, oip_grpc
from inference_svc.data_plane import DataPlane
from inference_svc.domain.requests import parse_version
from inference_svc.domain.streams import Pin

Context = grpc.aio.ServicerContext[Any, Any]

_log = logging.getLogger(__name__)

_WINDOW: Final = 64
"""Requests of one stream that are under way at a time; the next is read after that."""


class StreamCalls(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # comes without types
    """The part of the service that answers request after request on one call."""

    _plane: DataPlane
    _ending: asyncio.Event

    async def ModelStreamInfer(
        self, request_iterator: AsyncIterator[pb.ModelInferRequest], context: Context
    ) -> None:
        """Answers each request, in their order, errors in their place.

        Ends with UNAVAILABLE and reason DRAINING when the server does, after all
        that it has read is answered: a client that were told OK would wait on.
        """
        stream = _Stream(self._plane, context)
        async with asyncio.TaskGroup() as group:
            previous: asyncio.Task[None] | None = None
            async for request in until_set(request_iterator, self._ending):
                await stream.window.acquire()
                previous = group.create_task(stream.answer(request, previous))
        if self._ending.is_set():
            raise errors.draining()


class _Stream:
    def __init__(self, plane: DataPlane, context: Context) -> None:
        self.window = asyncio.Semaphore(_WINDOW)
        self._plane = plane
        self._context = context
        self._pin = Pin(parse_version(header(context, INTERNAL_VERSION_HEADER) or ""))

    async def answer(
        self, request: pb.ModelInferRequest, previous: asyncio.Task[None] | None
    ) -> None:
        """Runs a request, and writes its answer after the `previous` one's."""
        response = await self._response(request)
        if previous is not None:
            await previous
        await self._context.write(response)
        self.window.release()

    async def _response(self, request: pb.ModelInferRequest) -> pb.ModelStreamInferResponse:
        try:
            return await self._inferred(request)
        except AlgoLinkError as error:
            return _failed(request, error.message)
        except Exception:  # noqa: BLE001  one request's failure is not the stream's
            _log.exception("request of a stream failed unexpectedly")
            return _failed(request, "internal error")

    async def _inferred(self, request: pb.ModelInferRequest) -> pb.ModelStreamInferResponse:
        version = self._pin.version_for(request.model_name, request.model_version)
        decoded = oip_grpc.request_from_proto(request, version, self._plane.memory)
        response = await self._plane.infer(decoded, timeout_s=self._context.time_remaining())
        self._context.set_trailing_metadata(((SERVED_HEADER, str(response.version)),))
        message = oip_grpc.response_to_proto(response, decoded)
        # Every answer is its request's only one: models are not decoupled.
        message.parameters["triton_final_response"].bool_param = True
        return pb.ModelStreamInferResponse(infer_response=message)


def _failed(request: pb.ModelInferRequest, message: str) -> pb.ModelStreamInferResponse:
    """An error in its place; the id tells whose it is."""
    return pb.ModelStreamInferResponse(
        error_message=message, infer_response=pb.ModelInferResponse(id=request.id)
    )
