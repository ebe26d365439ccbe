from __future__ import annotations

import asyncio
from typing import Any, cast

import grpc
import pytest

from chassis import streams


class SlowContext:
    """A context whose write ends when it is let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self.written: list[object] = []

    async def write(self, message: object) -> None:
        self.begun.set()
        await self.let_go.wait()
        self.written.append(message)


def as_context(context: SlowContext) -> grpc.aio.ServicerContext[Any, Any]:
    return cast("grpc.aio.ServicerContext[Any, Any]", context)


async def test_a_message_is_written() -> None:
    context = SlowContext()
    context.let_go.set()

    await streams.write(as_context(context), "hello")

    assert context.written == ["hello"]


async def test_a_cancelled_writer_ends_after_its_message() -> None:
    context = SlowContext()
    writer = asyncio.create_task(streams.write(as_context(context), "hello"))
    await context.begun.wait()

    writer.cancel()
    await asyncio.sleep(0)
    ended_early = writer.done()
    context.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await writer

    assert not ended_early
    assert context.written == ["hello"]
