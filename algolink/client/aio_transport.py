"""Runs calls on asyncio channels: `sync_transport` with `await`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from algolink.client import channels
from algolink.client.attempts import Attempts
from algolink.client.calls import POLL_S, Call, Item, Pages, Reply, Wait, serialized
from algolink.client.connection import Connection
from algolink.client.rpc_errors import restored
from algolink.errors import DeadlineExceeded, NotFound

Answer = TypeVar("Answer")
ResponseMetadata = Iterable[tuple[str, str | bytes]]


class AioTransport:
    """Two channels, opened by the loop that first needs them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._authorization = channels.authorization(connection)
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def close(self) -> None:
        """Ends what still runs and closes the channels; closing again does nothing."""
        for channel in self._channels.values():
            await channel.close()

    async def unary(self, call: Call[Reply], timeout_s: float) -> Reply:
        """Calls a control service, again where that is safe and may help."""
        endpoint = self._connection.admin_endpoint
        method = self._channel(endpoint).unary_unary(
            call.path,
            request_serializer=serialized,
            response_deserializer=call.reply.FromString,
        )
        attempts = Attempts(timeout_s, idempotent=call.idempotent)

        async def send(remaining_s: float) -> Reply:
            reply: Reply = await method(
                call.request, timeout=remaining_s, metadata=self._authorization
            )
            return reply

        return await self._attempted(endpoint, attempts, send)

    async def stream(self, call: Call[Reply], timeout_s: float) -> AsyncIterator[Reply]:
        """What a control service sends on one stream, which is not opened again."""
        endpoint = self._connection.admin_endpoint
        method = self._channel(endpoint).unary_stream(
            call.path,
            request_serializer=serialized,
            response_deserializer=call.reply.FromString,
        )
        answers = method(call.request, timeout=timeout_s, metadata=self._authorization)
        try:
            async for answer in answers:
                yield answer
        except grpc.aio.AioRpcError as failure:
            raise restored(failure, endpoint=endpoint, timeout_s=timeout_s) from None
        finally:
            answers.cancel()

    async def items(
        self, pages: Pages[Reply, Item], timeout_s: float, *, limit: int | None = None
    ) -> list[Item]:
        """All items of a list, or its first `limit`."""
        found: list[Item] = []
        token = ""
        while True:
            page = await self.unary(pages.page(token), timeout_s)
            found.extend(pages.items(page))
            token = pages.next_token(page)
            if not token or (limit is not None and len(found) >= limit):
                return found[:limit]

    async def wait(self, wait: Wait[Reply], timeout_s: float) -> Reply:
        """Asks until the state is there; what `wait.late` makes once the time is over."""
        end = time.monotonic() + timeout_s
        last: Reply | None = None
        while (remaining_s := end - time.monotonic()) > 0:
            try:
                last = await self.unary(wait.call, remaining_s)
            except NotFound:
                last = None
            except DeadlineExceeded:
                break
            if last is not None and wait.done(last):
                return last
            await asyncio.sleep(POLL_S)
        raise wait.late(last, timeout_s)

    async def upload(
        self,
        path: str,
        messages: Callable[[], Iterator[Message]],
        reply: type[Reply],
        timeout_s: float,
    ) -> Reply:
        """Streams `messages`, made anew for each try."""
        endpoint = self._connection.admin_endpoint
        method = self._channel(endpoint).stream_unary(
            path,
            request_serializer=serialized,
            response_deserializer=reply.FromString,
        )
        attempts = Attempts(timeout_s, idempotent=True)

        async def send(remaining_s: float) -> Reply:
            answer: Reply = await method(
                messages(), timeout=remaining_s, metadata=self._authorization
            )
            return answer

        return await self._attempted(endpoint, attempts, send)

    async def upload_rest(
        self,
        begin: Call[Reply],
        path: str,
        rest: Callable[[Reply], Iterator[Message] | None],
        timeout_s: float,
    ) -> Reply:
        """Asks how far an upload has come, and streams the rest; again where that may help.

        Args:
            begin: asks for it.
            path: of the streaming call, which answers as `begin` does.
            rest: what is still to be sent; None if nothing is.
        """
        endpoint = self._connection.admin_endpoint
        asked = self._channel(endpoint).unary_unary(
            begin.path,
            request_serializer=serialized,
            response_deserializer=begin.reply.FromString,
        )
        sent = self._channel(endpoint).stream_unary(
            path,
            request_serializer=serialized,
            response_deserializer=begin.reply.FromString,
        )

        async def send(remaining_s: float) -> Reply:
            state: Reply = await asked(
                begin.request, timeout=remaining_s, metadata=self._authorization
            )
            messages = rest(state)
            if messages is not None:
                state = await sent(messages, timeout=remaining_s, metadata=self._authorization)
            return state

        return await self._attempted(endpoint, Attempts(timeout_s, idempotent=True), send)

    async def download(
        self, path: str, request: Callable[[], Message], reply: type[Reply], timeout_s: float
    ) -> AsyncIterator[Reply]:
        """The replies of a stream; one that breaks is asked for again, where that may help.

        Args:
            request: made anew for each try, for what has not come yet.
        """
        endpoint = self._connection.admin_endpoint
        method = self._channel(endpoint).unary_stream(
            path,
            request_serializer=serialized,
            response_deserializer=reply.FromString,
        )
        attempts = Attempts(timeout_s, idempotent=True)
        while True:
            call = method(request(), timeout=attempts.remaining_s, metadata=self._authorization)
            try:
                async for message in call:
                    yield message
            except grpc.aio.AioRpcError as failure:
                await asyncio.sleep(self._pause_s(failure, endpoint, attempts))
            else:
                return
            finally:
                call.cancel()

    async def data(
        self,
        path: str,
        request: Message,
        reply: type[Reply],
        metadata: channels.Metadata,
        timeout_s: float,
        *,
        idempotent: bool,
    ) -> tuple[Reply, ResponseMetadata]:
        """Calls the data plane; the answer and its headers."""
        endpoint = self._connection.data_endpoint
        method = self._channel(endpoint).unary_unary(
            path,
            request_serializer=serialized,
            response_deserializer=reply.FromString,
        )
        attempts = Attempts(timeout_s, idempotent=idempotent)

        async def send(remaining_s: float) -> tuple[Reply, ResponseMetadata]:
            call = method(request, timeout=remaining_s, metadata=metadata)
            answer: Reply = await call
            return answer, await call.initial_metadata()

        return await self._attempted(endpoint, attempts, send)

    async def _attempted(
        self, endpoint: str, attempts: Attempts, send: Callable[[float], Awaitable[Answer]]
    ) -> Answer:
        while True:
            try:
                return await send(attempts.remaining_s)
            except grpc.aio.AioRpcError as failure:
                pause_s = self._pause_s(failure, endpoint, attempts)
            await asyncio.sleep(pause_s)

    def _pause_s(self, failure: grpc.aio.AioRpcError, endpoint: str, attempts: Attempts) -> float:
        """How long to wait before the next try; raises if there shall be none."""
        error = restored(failure, endpoint=endpoint, timeout_s=attempts.timeout_s)
        pause_s = attempts.pause_after(error)
        if pause_s is None:
            raise error from None
        return pause_s

    def _channel(self, endpoint: str) -> grpc.aio.Channel:
        if endpoint not in self._channels:
            self._channels[endpoint] = grpc.aio.insecure_channel(
                endpoint, options=channels.options(endpoint)
            )
        return self._channels[endpoint]
