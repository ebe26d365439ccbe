"""Flips of the champion under load: none fails, none is answered by the wrong version."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from algolink.router.v1 import router_pb2
from benchmarks.mesh.changes import line_to
from benchmarks.mesh.surroundings import Answers, Caller, Surroundings, paced, surroundings
from tests.router_svc.builders import a_model

_MODEL = "digits"
_STEADY_S = 0.02
"""Between two flips: long enough for some requests to begin and end in it."""


@dataclass(frozen=True, slots=True)
class Flips:
    """What a run of flips measured.

    Attributes:
        count: of flips.
        wrong: answers by another version than the champion, sent after a flip was
            live and answered before the next one began.
        checked: answers of which that can be told.
    """

    count: int
    requests: int
    failures: list[str]
    wrong: int
    checked: int
    wall_s: float

    def lines(self) -> list[tuple[str, str]]:
        """What to print, with what is aimed at."""
        rate = self.requests / self.wall_s
        return [
            (
                f"{self.count} flips of the champion under {rate:.0f} requests/s",
                f"{len(self.failures)} failed, {self.wrong} by the wrong version (0, 0); "
                f"{self.requests} requests, {self.checked} between two flips",
            ),
            *((f"{count} x", why) for why, count in Counter(self.failures).most_common(3)),
        ]


async def measure(folder: Path, *, flips: int, rate: float) -> Flips:
    """Moves the champion back and forth between two versions that are served."""
    async with contextlib.AsyncExitStack() as opened:
        around = await opened.enter_async_context(surroundings(folder))
        await opened.enter_async_context(around.envoy())
        data = await opened.enter_async_context(line_to(around.address))
        await asyncio.wait_for(data.channel_ready(), 60)
        await _flip(around, 1, revision=1)
        caller = Caller(data)
        steady: list[tuple[float, float, str]] = []
        began = time.perf_counter()
        async with paced(caller, _MODEL, rate) as answers:
            for number in range(1, flips + 1):
                version = 1 + number % 2
                await _flip(around, version, revision=number + 1)
                live = time.perf_counter()
                await asyncio.sleep(_STEADY_S)
                steady.append((live, time.perf_counter(), str(version)))
        wrong, checked = _judged(answers, steady)
        return Flips(
            count=flips,
            requests=len(answers.versions),
            failures=caller.failures,
            wrong=wrong,
            checked=checked,
            wall_s=time.perf_counter() - began,
        )


async def _flip(around: Surroundings, champion: int, *, revision: int) -> None:
    """Returns once Envoy has acknowledged it."""
    both = {"one": 1, "two": 2}
    around.neighbours.show_model(
        a_model(_MODEL, champion=champion, aliases=both, versions=(1, 2), revision=revision)
    )
    async for message in around.routes.WatchRoutes(router_pb2.WatchRoutesRequest()):
        if message.route.live and message.route.champion_version == champion:
            return


def _judged(answers: Answers, steady: list[tuple[float, float, str]]) -> tuple[int, int]:
    """How many answers are by the wrong version, and of how many it can be told."""
    wrong = checked = at = 0
    ordered = sorted(zip(answers.sent_s, answers.answered_s, answers.versions, strict=True))
    for sent, answered, version in ordered:
        while at < len(steady) and steady[at][1] < sent:
            at += 1
        if at < len(steady) and steady[at][0] <= sent and answered <= steady[at][1]:
            checked += 1
            wrong += version not in (steady[at][2], "")
    return wrong, checked
