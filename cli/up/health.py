"""Waits until a child answers that it serves."""

from __future__ import annotations

import asyncio

import grpc
from grpc_health.v1 import health_pb2

_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_http_proxy", 0),
    # Each child gets connections of its own, so that one's backoff is not another's.
    ("grpc.use_local_subchannel_pool", 1),
)
_PAUSE_S = 0.05


async def serving(address: str) -> None:
    """Returns once the server at `address` says SERVING."""
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        method = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        while True:
            try:
                watch = method(health_pb2.HealthCheckRequest(), wait_for_ready=True)
                async for reply in watch:
                    if reply.status == health_pb2.HealthCheckResponse.SERVING:
                        watch.cancel()
                        return
            except grpc.aio.AioRpcError:
                pass  # it is still starting, or starting again
            await asyncio.sleep(_PAUSE_S)


async def listening(host: str, port: int) -> None:
    """Returns once somebody accepts connections there."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(_PAUSE_S)
            continue
        writer.close()
        await writer.wait_closed()
        return
