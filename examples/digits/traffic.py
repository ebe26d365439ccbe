"""Requests that never stop: visits, sent side by side at a steady pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import numpy as np
import numpy.typing as npt

from algolink import names
from examples.digits.answers import Answer, Journal
from examples.digits.senders import GrpcSender, Image, RestSender, Sender, SendError
from examples.digits.visits import Visit

_TIMEOUT_S = 10.0
_REST_EVERY = 8
"""Each eighth visitor asks by REST, the others by gRPC."""


@asynccontextmanager
async def traffic(
    *,
    endpoint: str,
    model: str,
    visits: Iterator[Visit],
    images: npt.NDArray[np.float32],
    digits: npt.NDArray[np.int64],
    journal: Journal,
    on_answer: Callable[[Answer], None],
    visitors: int = 16,
    requests_per_s: float = 300.0,
) -> AsyncIterator[None]:
    """Sends visits until it is left; what has been sent by then is still answered.

    Args:
        endpoint: `host:port` of the data listener.
        on_answer: called with every answer, failed ones included.
        visitors: how many requests are under way at most.
        requests_per_s: pace; a slower machine sends less.
    """
    grpc_sender = GrpcSender(endpoint, model, _TIMEOUT_S)
    rest_sender = RestSender(endpoint, model, _TIMEOUT_S)
    stopping = asyncio.Event()
    pace = _Pace(requests_per_s)

    async def visitor(sender: Sender) -> None:
        while not stopping.is_set():
            await pace.turn()
            visit = next(visits)
            answer = await _ask(sender, visit.unit, images[visit.digit], int(digits[visit.digit]))
            journal.add(answer)
            on_answer(answer)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(visitors):
                rest = number % _REST_EVERY == 0
                group.create_task(visitor(rest_sender if rest else grpc_sender))
            try:
                yield
            finally:
                stopping.set()
    finally:
        await grpc_sender.close()
        await rest_sender.close()


async def _ask(sender: Sender, unit: str, image: Image, digit: int) -> Answer:
    sent = time.time()
    try:
        reply = await sender.send(image, unit)
    except SendError as error:
        return Answer(
            unit=unit, protocol=sender.protocol, sent=sent, received=time.time(), error=str(error)
        )
    return Answer(
        unit=unit,
        protocol=sender.protocol,
        sent=sent,
        received=time.time(),
        version=int(reply.headers.get(names.VERSION_HEADER, 0)),
        body_version=reply.version,
        experiment=reply.headers.get(names.EXPERIMENT_HEADER, ""),
        arm=reply.headers.get(names.ARM_HEADER, ""),
        request_id=reply.headers.get(names.REQUEST_ID_HEADER, ""),
        correct=reply.digit == digit,
    )


class _Pace:
    """Hands out turns at a steady rate; turns that nobody took in time are not made up for."""

    def __init__(self, per_s: float) -> None:
        self._interval_s = 1 / per_s
        self._next = 0.0

    async def turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + self._interval_s, now)
        await asyncio.sleep(self._next - now)
