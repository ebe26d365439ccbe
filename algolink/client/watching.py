"""Follows a watch of a control service, over every interruption."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import grpc
from google.protobuf.message import Message

from algolink.client import channels
from algolink.client.calls import serialized
from algolink.client.connection import Connection
from algolink.client.rpc_errors import restored

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0

Response = TypeVar("Response", bound=Message)


class Watching(Generic[Response]):
    """Reads a stream in a thread of its own, and opens it again, until it is closed.

    Args:
        path: `/package.Service/Method`.
        request: what to ask with, made anew for every stream.
        response: type of what comes.
        take: takes each response, in order.
        on_lost: told whenever a stream ended, with the reason.
    """

    def __init__(
        self,
        connection: Connection,
        path: str,
        *,
        request: Callable[[], Message],
        response: type[Response],
        take: Callable[[Response], None],
        on_lost: Callable[[str], None],
        name: str,
    ) -> None:
        self._endpoint = connection.admin_endpoint
        self._authorization = channels.authorization(connection)
        self._channel = grpc.insecure_channel(
            self._endpoint, options=channels.options(self._endpoint)
        )
        self._path, self._request, self._response = path, request, response
        self._take, self._on_lost = take, on_lost
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins to follow."""
        self._thread.start()

    def close(self) -> None:
        """Ends. Closing again does nothing."""
        self._closed.set()
        self._channel.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        watch = self._channel.unary_stream(
            self._path,
            request_serializer=serialized,
            response_deserializer=self._response.FromString,
        )
        pause_s = _FIRST_PAUSE_S
        while not self._closed.is_set():
            try:
                for response in watch(self._request(), metadata=self._authorization):
                    pause_s = _FIRST_PAUSE_S
                    self._take(response)
            except grpc.RpcError as failure:
                error = restored(failure, endpoint=self._endpoint, timeout_s=0)
                self._lose(error.message)
            except ValueError:  # how grpc says that the channel is closed
                self._lose("the connection was closed")
            self._closed.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _lose(self, reason: str) -> None:
        if not self._closed.is_set():
            self._on_lost(reason)
