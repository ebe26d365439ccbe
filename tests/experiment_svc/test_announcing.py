"""Decisions at a webhook that is ours, over real HTTP and every store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from algolink.names import ExperimentName
from experiment_svc.announcing import Announcer, event
from experiment_svc.domain.decision_log import Decision
from experiment_svc.domain.policies import Action
from experiment_svc.store import Store
from tests.experiment_svc.builders import NOON, FakeClock


@dataclass
class Receiver:
    """Takes events, or answers what it is told to first."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        if self.answers:
            return web.Response(status=self.answers.pop(0), headers={"Location": "/elsewhere"})
        self.types.add(request.content_type)
        self.seen.append(await request.json())
        self.taken.set()
        return web.Response(status=204)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    application = web.Application()
    application.router.add_post("/hook", made.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/hook"
    yield made
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def a_decision(action: Action = Action.RAMP, at: timedelta = timedelta()) -> Decision:
    return Decision(
        experiment=ExperimentName("digits"),
        time=NOON + at,
        action=action,
        waits=False,
        reason="step 1 of 1",
        winner="",
        evidence="{}",
        digest="ab" * 32,
    )


async def decide(store: Store, *decisions: Decision) -> None:
    async with store.transaction() as tx:
        for decision in decisions:
            await tx.add_decision(decision)


async def test_each_decision_is_told_once_in_order(
    store: Store, receiver: Receiver, session: aiohttp.ClientSession, clock: FakeClock
) -> None:
    await decide(store, a_decision(), a_decision(Action.PROMOTE, timedelta(seconds=1)))
    announcer = Announcer(store, receiver.url, clock)

    assert await announcer.announce_due(session)
    assert await announcer.announce_due(session)

    assert [one["data"]["action"] for one in receiver.seen] == ["ramp", "promote"]
    assert [one["id"] for one in receiver.seen] == ["1", "2"]
    assert receiver.types == {"application/cloudevents+json"}


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_what_is_not_taken_is_told_again(
    store: Store,
    receiver: Receiver,
    session: aiohttp.ClientSession,
    clock: FakeClock,
    status: int,
) -> None:
    await decide(store, a_decision(), a_decision(Action.STOP))
    receiver.answers.append(status)
    announcer = Announcer(store, receiver.url, clock)

    assert not await announcer.announce_due(session)
    assert receiver.seen == []
    assert await announcer.announce_due(session)

    assert [one["data"]["action"] for one in receiver.seen] == ["ramp", "stop"]


async def test_a_receiver_that_is_away_is_asked_until_it_is_there(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    await decide(store, a_decision())
    receiver.answers += [503, 503]
    task = asyncio.create_task(Announcer(store, receiver.url, clock).run(poll_s=0.01))

    async with asyncio.timeout(20):
        await receiver.taken.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert len(receiver.seen) == 1


async def test_old_news_are_not_told_and_one_of_two_tells(
    store: Store, receiver: Receiver, session: aiohttp.ClientSession, clock: FakeClock
) -> None:
    await decide(store, a_decision(at=timedelta(days=-2)), a_decision(Action.STOP))
    first = Announcer(store, receiver.url, clock)
    second = Announcer(store, receiver.url, clock)
    receiver.answers.append(500)

    await first.announce_due(session)
    await second.announce_due(session)
    assert receiver.seen == []
    await first.announce_due(session)

    assert [one["data"]["action"] for one in receiver.seen] == ["stop"]


def test_an_event_is_a_cloud_event() -> None:
    assert event(a_decision()) == {
        "specversion": "1.0",
        "id": "0",
        "source": "/algolink/experiments/digits",
        "type": "dev.algolink.experiment.decision.v1",
        "subject": "experiments/digits",
        "time": "2026-03-01T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {
            "experiment": "experiments/digits",
            "number": 0,
            "action": "ramp",
            "waits": False,
            "reason": "step 1 of 1",
            "winner": "",
            "digest": "ab" * 32,
        },
    }
