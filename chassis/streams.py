"""What a handler that reads and writes at once has to mind."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc


async def write(context: grpc.aio.ServicerContext[Any, Any], message: object) -> None:
    """Writes `message` whole, even if the writer is cancelled meanwhile.

    gRPC refuses to send a status while a message is on its way, and the call
    would never end: so a cancelled writer ends only after its message has.
    """
    writing = asyncio.ensure_future(context.write(message))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait({writing})
        if not writing.cancelled():
            # The cancellation is what the caller has to hear of, not this.
            writing.exception()
        raise
