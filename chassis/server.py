"""A gRPC server as every service has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from algolink.errors import FailedPrecondition
from chassis import auth, watch
from chassis.addresses import split_address
from chassis.error_mapping import mapped_errors
from chassis.interception import Around, Enter
from chassis.rpc_telemetry import RpcTelemetry
from chassis.runtime import Runtime
from chassis.settings import ServiceSettings

_log = logging.getLogger(__name__)

OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.so_reuseport", 0),  # a second server on the port is an error, not a second listener
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    # Clients ping every 10 s (see `channel`); the default calls that abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
)


@asynccontextmanager
async def serve(
    runtime: Runtime,
    settings: ServiceSettings,
    register: Callable[[grpc.aio.Server], None],
    *,
    service_names: Sequence[str],
    require_token: bool = True,
    open_methods: Sequence[str] = (),
    options: Sequence[tuple[str, Any]] = (),
) -> AsyncIterator[int]:
    """Serves on `settings.listen` until left; gives the bound port.

    Leaving it ends the watches, lets running calls finish within the grace, and
    stops.

    Args:
        register: adds the servicers.
        service_names: full names, for health and reflection.
        require_token: whether every call needs a token that `tokens_file` names.
        open_methods: prefixes of methods that need none, or check it themselves.
        options: channel arguments on top of `OPTIONS`.

    Raises:
        FailedPrecondition: ADDRESS_UNAVAILABLE, TOKENS_FILE_UNREADABLE or
            TOKENS_FILE_INVALID.
    """
    around: list[Enter] = [RpcTelemetry(), mapped_errors]
    if require_token:
        tokens = auth.Tokens.read(settings.tokens_file)
        around.append(auth.TokenCheck(tokens, open_methods))
    server = grpc.aio.server(
        interceptors=[Around(enter) for enter in around],
        options=tuple((dict(OPTIONS) | dict(options)).items()),
    )
    register(server)
    runtime.health.add(service_names)
    health_pb2_grpc.add_HealthServicer_to_server(runtime.health, server)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
        _Reflection([*service_names, *_INFRASTRUCTURE], runtime.draining), server
    )
    port = _listen(server, settings.listen)
    await server.start()
    _log.info("grpc listening", extra={"address": settings.listen, "port": port})
    try:
        yield port
    finally:
        # Set already in an orderly drain; without it open watches hold `stop`.
        runtime.draining.set()
        runtime.health.close()
        await server.stop(settings.drain_grace_s)


def _listen(server: grpc.aio.Server, address: str) -> int:
    split_address(address)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise _unavailable(address) from error
    if port == 0:
        raise _unavailable(address)
    return port


def _unavailable(address: str) -> FailedPrecondition:
    return FailedPrecondition(
        "ADDRESS_UNAVAILABLE",
        f"cannot listen on {address}: the port is in use, or the address is not of this machine",
        address=address,
    )


_INFRASTRUCTURE = ("grpc.health.v1.Health", reflection.SERVICE_NAME)


class _Reflection(reflection_pb2_grpc.ServerReflectionServicer):
    """Reflection whose streams end on drain."""

    def __init__(self, service_names: Sequence[str], draining: asyncio.Event) -> None:
        # Its annotations say that it answers with a coroutine; it is a generator.
        self._reflection: Any = reflection.aio.ReflectionServicer(service_names)
        self._draining = draining

    async def ServerReflectionInfo(
        self,
        request_iterator: AsyncIterable[reflection_pb2.ServerReflectionRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[reflection_pb2.ServerReflectionResponse]:
        requests = watch.until_set(request_iterator, self._draining)
        async for response in self._reflection.ServerReflectionInfo(requests, context):
            yield response
