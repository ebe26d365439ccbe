"""A service of four methods, one per kind of handler, that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from algolink.errors import NotFound
from chassis import auth

NAME = "trial.Trial"

Stream: TypeAlias = (
    grpc.aio.UnaryStreamCall[StringValue, StringValue]
    | grpc.aio.StreamStreamCall[StringValue, StringValue]
)

_CODEC: dict[str, Any] = {
    "request_deserializer": StringValue.FromString,
    "response_serializer": StringValue.SerializeToString,
}


class Trial:
    """Echoes, or fails in the way that the request names.

    Attributes:
        started: set when a call has arrived.
        cancelled: set when a handler saw its caller go away.
        released: lets the calls go on that wait for it.
    """

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.released = asyncio.Event()

    def register(self, server: grpc.aio.Server) -> None:
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary, **_CODEC),
            "Stream": grpc.unary_stream_rpc_method_handler(self.stream, **_CODEC),
            "Upload": grpc.stream_unary_rpc_method_handler(self.upload, **_CODEC),
            "Both": grpc.stream_stream_rpc_method_handler(self.both, **_CODEC),
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(NAME, handlers)])

    async def unary(self, request: StringValue, context: object) -> StringValue:
        return StringValue(value=await self._act(request.value))

    async def stream(self, request: StringValue, context: object) -> AsyncIterator[StringValue]:
        yield StringValue(value="first")
        yield StringValue(value=await self._act(request.value))

    async def upload(self, requests: AsyncIterator[StringValue], context: object) -> StringValue:
        return StringValue(value="".join([await self._act(r.value) async for r in requests]))

    async def both(
        self, requests: AsyncIterator[StringValue], context: object
    ) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield StringValue(value=await self._act(request.value))

    async def _act(self, value: str) -> str:
        self.started.set()
        match value:
            case "missing":
                raise NotFound("THING_NOT_FOUND", "no thing 'x'", thing="x")
            case "broken":
                raise RuntimeError("secret")
            case "hang":
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
            case "until drained":
                await self.released.wait()
            case "who":
                return auth.caller().name
        return value


class Client:
    """Calls the four methods over a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        codec: dict[str, Any] = {
            "request_serializer": StringValue.SerializeToString,
            "response_deserializer": StringValue.FromString,
        }
        self.unary_call: grpc.aio.UnaryUnaryMultiCallable[StringValue, StringValue] = (
            channel.unary_unary(f"/{NAME}/Unary", **codec)
        )
        self.stream_call: grpc.aio.UnaryStreamMultiCallable[StringValue, StringValue] = (
            channel.unary_stream(f"/{NAME}/Stream", **codec)
        )
        self.upload_call: grpc.aio.StreamUnaryMultiCallable[StringValue, StringValue] = (
            channel.stream_unary(f"/{NAME}/Upload", **codec)
        )
        self.both_call: grpc.aio.StreamStreamMultiCallable[StringValue, StringValue] = (
            channel.stream_stream(f"/{NAME}/Both", **codec)
        )

    async def call(self, kind: str, value: str) -> str:
        """Last answer of one call of a kind: unary, stream, upload or both."""
        request = StringValue(value=value)
        match kind:
            case "unary":
                return (await self.unary_call(request)).value
            case "upload":
                return (await self.upload_call(iter([request]))).value
            case "stream":
                call: Stream = self.stream_call(request)
            case _:
                call = self.both_call(iter([request]))
        try:
            return [message.value async for message in call][-1]
        finally:
            call.cancel()  # a consumer that is cancelled does not always cancel its stream


KINDS = ("unary", "stream", "upload", "both")
