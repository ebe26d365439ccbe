"""Channels to other services: token, trace context, keepalive, reconnection."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import grpc
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis import addresses, errors

_log = logging.getLogger(__name__)

BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 1.0

OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.initial_reconnect_backoff_ms", int(BACKOFF_MIN_S * 1_000)),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # in spite of its name: deadline of an attempt
    ("grpc.max_reconnect_backoff_ms", int(BACKOFF_MAX_S * 500)),  # below that of a watch on it
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
    """A channel that says who calls and in which trace; whoever opens it closes it.

    Args:
        address: `host:port`, or several of replicas, separated by commas: the first
            that answers is called, and another once it is gone.

    Raises:
        InvalidArgument: ADDRESS_INVALID.
    """
    channel = grpc.aio.insecure_channel(addresses.target(address), options=(*OPTIONS, *options))
    return _CallingChannel(channel, token)


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


class _CallingChannel(grpc.aio.Channel):
    """A channel that adds to every call what the other side has to know.

    Client interceptors would be the ordinary way; those of grpc.aio put
    a task of their own between each call and its caller.
    """

    def __init__(self, channel: grpc.aio.Channel, token: str | None) -> None:
        self._channel = channel
        self._own = {} if token is None else {"authorization": f"Bearer {token}"}

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._calling(self._channel.unary_unary(*args, **kwargs))

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._calling(self._channel.unary_stream(*args, **kwargs))

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._calling(self._channel.stream_unary(*args, **kwargs))

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._calling(self._channel.stream_stream(*args, **kwargs))

    async def close(self, grace: float | None = None) -> None:
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()

    async def __aenter__(self) -> Self:
        await self._channel.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self._channel.__aexit__(exc_type, exc_val, exc_tb)

    def _calling(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, metadata: Any = None, **kwargs: Any) -> Any:
            added = dict(self._own)
            _propagator.inject(added)
            return method(*args, metadata=(*(metadata or ()), *added.items()), **kwargs)

        return call
