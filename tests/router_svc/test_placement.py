"""Announcements over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from algolink.errors import AlgoLinkError
from algolink.router.v1 import router_pb2
from chassis import errors
from mesh.table import Endpoint
from router_svc.store_memory import MemoryStore
from tests.router_svc.builders import a_model, a_replica, a_version, announcement
from tests.router_svc.conftest import Control, Controls
from tests.router_svc.neighbours import until


class Line:
    """One replica's stream."""

    def __init__(self, control: Control) -> None:
        self._said: asyncio.Queue[router_pb2.AnnounceRequest | None] = asyncio.Queue()
        self._call = control.placement.Announce(self._requests())

    def say(self, message: router_pb2.AnnounceRequest) -> None:
        self._said.put_nowait(message)

    def hang_up(self) -> None:
        self._said.put_nowait(None)

    async def answer(self) -> router_pb2.AnnounceResponse:
        response = await asyncio.wait_for(self._call.read(), 5)
        assert isinstance(response, router_pb2.AnnounceResponse), await self._call.code()
        return response

    async def error(self) -> AlgoLinkError:
        try:
            while await self._call.read() is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError as error:
            return errors.from_rpc_error(error)
        raise AssertionError("the stream ended well")

    async def _requests(self) -> AsyncIterator[router_pb2.AnnounceRequest]:
        while (message := await self._said.get()) is not None:
            yield message


def endpoints(control: Control) -> tuple[Endpoint, ...]:
    return control.router.composer.view.state.snapshot.pools["default"].grpc


def wanted(answer: router_pb2.AnnounceResponse) -> dict[tuple[str, int], str]:
    return {(w.model, w.version): w.digest for w in answer.wanted}


async def test_a_replica_is_told_what_to_hold_and_is_routed_to_once_it_is_ready(
    control: Control,
) -> None:
    control.show(a_model())
    line = Line(control)

    line.say(announcement(a_replica()))
    answer = await line.answer()
    while not answer.wanted:
        answer = await line.answer()
    assert wanted(answer) == {("digits", 1): a_model().versions[1].digest}

    line.say(announcement(a_replica(ready=[1])))
    await control.table(1)
    assert control.router.composer.view.state.snapshot.routes["digits"].champion == 1
    assert endpoints(control) == (a_replica().grpc,)


async def test_the_set_is_not_settled_before_the_watches_are_synced(control: Control) -> None:
    line = Line(control)
    line.say(announcement(a_replica()))

    first = await line.answer()
    control.show()
    second = await line.answer()

    assert not first.settled
    assert second.settled


async def test_a_change_is_told_at_once(control: Control) -> None:
    control.show(a_model())
    line = Line(control)
    line.say(announcement(a_replica(ready=[1])))
    await control.table(1)

    control.show(a_model(champion=2))

    answer = await line.answer()
    while ("digits", 2) not in wanted(answer):
        answer = await line.answer()
    assert wanted(answer).keys() == {("digits", 1), ("digits", 2)}


async def test_a_replica_of_another_pool_is_told_to_hold_nothing(control: Control) -> None:
    control.show(a_model())
    line = Line(control)
    message = announcement(a_replica())
    message.pool = "elsewhere"

    line.say(message)

    assert not (await line.answer()).wanted


async def test_a_draining_replica_leaves_at_once(control: Control) -> None:
    control.show(a_model())
    first, second = Line(control), Line(control)
    first.say(announcement(a_replica("r1", ready=[1])))
    second.say(announcement(a_replica("r2", ready=[1])))
    await until(
        lambda: control.router.composer.view.state.sequence > 0 and len(endpoints(control)) == 2
    )

    second.say(announcement(a_replica("r2", ready=[1], draining=True)))

    await until(lambda: endpoints(control) == (a_replica("r1").grpc,))


async def test_a_replica_whose_stream_ended_leaves_when_its_lease_lapses(
    control: Control,
) -> None:
    control.show(a_model())
    first, second = Line(control), Line(control)
    first.say(announcement(a_replica("r1", ready=[1])))
    second.say(announcement(a_replica("r2", ready=[1])))
    await until(
        lambda: control.router.composer.view.state.sequence > 0 and len(endpoints(control)) == 2
    )

    second.hang_up()
    control.clock.advance(4)
    first.say(announcement(a_replica("r1", ready=[1])))
    control.show(a_model("iris"))
    await until(lambda: "iris" in control.router.composer.view.pending)
    assert len(endpoints(control)) == 2

    control.clock.advance(2)
    control.show(a_model("iris", revision=2))
    await until(lambda: endpoints(control) == (a_replica("r1").grpc,))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("replica_id", ""),
        ("replica_id", "Replica_1"),
        ("pool", "x" * 64),
        ("grpc_address", "nowhere"),
        ("http_address", "127.0.0.1:0"),
    ],
)
async def test_an_announcement_that_cannot_be_right_is_refused(
    control: Control, field: str, value: str
) -> None:
    line = Line(control)
    message = announcement(a_replica())
    setattr(message, field, value)

    line.say(message)

    error = await line.error()
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "REPLICA_INVALID")
    assert error.metadata["field"] == field


async def test_a_stream_speaks_for_one_replica(control: Control) -> None:
    line = Line(control)
    line.say(announcement(a_replica("r1")))
    line.say(announcement(a_replica("r2")))

    assert (await line.error()).reason == "REPLICA_INVALID"


async def test_a_stream_ends_when_the_router_drains(control: Control) -> None:
    line = Line(control)
    line.say(announcement(a_replica()))
    await line.answer()

    control.runtime.draining.set()

    assert (await line.error()).reason == "DRAINING"


async def test_a_replica_is_remembered_until_it_drains(controls: Controls) -> None:
    store = MemoryStore()
    control = await controls.start(store)
    line = Line(control)

    async def remembered() -> list[str]:
        return [replica.id for replica in (await store.load()).replicas]

    async def is_remembered() -> bool:
        return await remembered() == ["r1"]

    async def is_forgotten() -> bool:
        return await remembered() == []

    line.say(announcement(a_replica("r1")))
    await until(is_remembered)
    line.say(announcement(a_replica("r1", draining=True)))
    await until(is_forgotten)


async def test_a_restarted_router_wants_what_it_wanted_before(controls: Controls) -> None:
    store = MemoryStore()
    before = await controls.start(store)
    before.show(a_model(aliases={"canary": 2}))
    line = Line(before)
    line.say(announcement(a_replica(ready=[1, 2])))
    await before.table(1)

    after = await controls.start(store)
    again = Line(after)
    again.say(announcement(a_replica(ready=[1, 2])))
    answer = await again.answer()

    assert wanted(answer).keys() == {("digits", 1), ("digits", 2)}
    assert not answer.settled
    assert a_version(2) in after.router.composer.view.state.wanted
