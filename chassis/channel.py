"""Channels to other services: token, trace context, keepalive, reconnection."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

import grpc
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis import errors

_log = logging.getLogger(__name__)

BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 2.0

OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.initial_reconnect_backoff_ms", int(BACKOFF_MIN_S * 1_000)),
    ("grpc.min_reconnect_backoff_ms", int(BACKOFF_MIN_S * 1_000)),
    ("grpc.max_reconnect_backoff_ms", int(BACKOFF_MAX_S * 1_000)),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    # Two channels to one address would share a connection, and its backoff.
    ("grpc.use_local_subchannel_pool", 1),
)

_NOT_WORTH_RETRYING = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
}

_propagator = TraceContextTextMapPropagator()


def open_channel(
    address: str, token: str | None, *, options: tuple[tuple[str, Any], ...] = ()
) -> grpc.aio.Channel:
    """A channel that says who calls and in which trace; whoever opens it closes it."""
    return grpc.aio.insecure_channel(
        address,
        options=(*OPTIONS, *options),
        interceptors=[kind(token) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _Streams)],
    )


class Resumable(Protocol):
    """A message of a watch."""

    @property
    def resume_token(self) -> str: ...


M = TypeVar("M", bound=Resumable)


async def follow_stream(
    open_stream: Callable[[str], grpc.aio.UnaryStreamCall[Any, M]], *, name: str
) -> AsyncIterator[M]:
    """Messages of a watch, across every reconnection; never ends by itself.

    A message counts as seen once the consumer asks for the next.

    Args:
        open_stream: opens the watch with a resume token, empty at first.
        name: of the watch, for the log.

    Raises:
        AlgoLinkError: what the server said, where asking again is of no use.
    """
    resume_token, backoff_s = "", BACKOFF_MIN_S
    while True:
        call = open_stream(resume_token)
        try:
            async for message in call:
                yield message
                resume_token, backoff_s = message.resume_token, BACKOFF_MIN_S
        except grpc.aio.AioRpcError as error:
            if error.code() in _NOT_WORTH_RETRYING:
                raise errors.from_rpc_error(error) from error
            _log.info(
                "watch interrupted",
                extra={"watch": name, "code": error.code().name, "details": error.details()},
            )
        finally:
            call.cancel()
        await asyncio.sleep(backoff_s * random.uniform(0.8, 1.2))  # noqa: S311  spreads, no secret
        backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)


class _Outgoing:
    """Adds to a call what the other side has to know."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def _details(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        added: dict[str, str] = {}
        _propagator.inject(added)
        if self._token is not None:
            added["authorization"] = f"Bearer {self._token}"
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *added.items())
        return grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=details.timeout,
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )


class _UnaryUnary(_Outgoing, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self._details(client_call_details), request)


class _UnaryStream(_Outgoing, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self._details(client_call_details), request)


class _StreamUnary(_Outgoing, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self,
        continuation: Any,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> Any:
        return await continuation(self._details(client_call_details), request_iterator)


class _Streams(_Outgoing, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self,
        continuation: Any,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> Any:
        return await continuation(self._details(client_call_details), request_iterator)
