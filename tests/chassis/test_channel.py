from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import format_trace_id

from algolink.errors import Unauthenticated
from algolink.registry.v1 import registry_pb2 as pb
from algolink.registry.v1 import registry_pb2_grpc
from chassis.channel import follow_stream, open_channel
from chassis.errors import to_status


class Interrupted(registry_pb2_grpc.RegistryServiceServicer):
    """A watch that tells a few deletions, then breaks, and goes on when asked again.

    Attributes:
        tokens: the resume tokens it was asked with.
    """

    def __init__(self, parts: Sequence[Sequence[str]]) -> None:
        self.tokens: list[str] = []
        self._parts = iter(parts)

    async def WatchModels(
        self, request: pb.WatchModelsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.WatchModelsResponse]:
        self.tokens.append(request.resume_token)
        part = next(self._parts, None)
        if part is None:
            error = Unauthenticated("TOKEN_INVALID", "the token is not accepted here")
            await context.abort_with_status(to_status(error))
            return
        for name in part:
            yield pb.WatchModelsResponse(deleted=name, resume_token=f"after {name}")


async def test_a_watch_goes_on_where_it_was_interrupted() -> None:
    servicer = Interrupted([["a", "b"], [], ["c"]])
    server = grpc.aio.server()
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    seen = []

    async with open_channel(f"127.0.0.1:{port}", None) as channel:
        stub: Any = registry_pb2_grpc.RegistryServiceStub(channel)

        async def follow() -> None:
            messages = follow_stream(
                lambda token: stub.WatchModels(pb.WatchModelsRequest(resume_token=token)),
                name="models",
            )
            async for message in messages:
                seen.append(message.deleted)  # noqa: PERF401  kept when the watch fails

        with pytest.raises(Unauthenticated, match="TOKEN_INVALID"):
            await asyncio.wait_for(follow(), 20)
    await server.stop(None)

    assert seen == ["a", "b", "c"]
    assert servicer.tokens == ["", "after b", "after b", "after c"]


async def test_a_call_carries_the_token_and_the_trace() -> None:
    headers: dict[str, str | bytes] = {}

    async def remember(request: StringValue, context: Any) -> empty_pb2.Empty:
        headers.update(context.invocation_metadata())
        return empty_pb2.Empty()

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
        remember, StringValue.FromString, empty_pb2.Empty.SerializeToString
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("a.B", {"C": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    async with open_channel(f"127.0.0.1:{port}", "open-sesame") as channel:
        call: Any = channel.unary_unary("/a.B/C", StringValue.SerializeToString)
        with tracer.start_as_current_span("outer"):
            trace_id = format_trace_id(trace.get_current_span().get_span_context().trace_id)
            await call(StringValue(), metadata=(("x-own", "kept"),))
    await server.stop(None)

    assert headers["authorization"] == "Bearer open-sesame"
    assert headers["x-own"] == "kept"
    assert trace_id in str(headers["traceparent"])
