"""The ledger of aliases over a real channel."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from algolink.registry.v1 import ledger_pb2
from algolink.registry.v1 import registry_pb2 as pb
from tests.registry_svc.builders import NOON
from tests.registry_svc.conftest import Registry
from tests.registry_svc.served import FixedInspector
from tests.registry_svc.test_servicer import refusal

IRIS = "models/iris"


@pytest.fixture
def inspector() -> FixedInspector:
    return FixedInspector()


@pytest.fixture
async def iris(registry: Registry) -> None:
    """`models/iris` with three versions; champion 1 since noon, 2 since one, 3 since two."""
    for request_id in ("one", "two", "three"):
        await registry.push(b"a model", request_id=request_id)
    for version in (2, 3):
        registry.clock.advance(hours=1)
        await set_alias(registry, version)


async def set_alias(registry: Registry, version: int, alias: str = "champion") -> None:
    request = pb.SetAliasRequest(model=IRIS, alias=alias, version=version, reason=f"try {version}")
    await registry.stub.SetAlias(request)


async def roll_back(
    registry: Registry, alias: str = "champion", **fields: str
) -> ledger_pb2.AliasMove:
    request = ledger_pb2.RollBackAliasRequest(model=IRIS, alias=alias, **fields)
    move: ledger_pb2.AliasMove = await registry.ledger.RollBackAlias(request)
    return move


async def moves(registry: Registry, alias: str = "") -> list[ledger_pb2.AliasMove]:
    request = ledger_pb2.ListAliasMovesRequest(parent=IRIS, alias=alias)
    return list((await registry.ledger.ListAliasMoves(request)).moves)


def at(time: datetime | None, alias: str = "champion") -> ledger_pb2.GetAliasAtRequest:
    request = ledger_pb2.GetAliasAtRequest(model=IRIS, alias=alias)
    if time is not None:
        request.time.FromDatetime(time)
    return request


@pytest.mark.usefixtures("iris")
async def test_every_move_is_written_down_with_who_and_why(registry: Registry) -> None:
    listed = await moves(registry)

    assert [(m.number, m.previous_version, m.version, m.mover, m.reason) for m in listed] == [
        (3, 2, 3, "tester", "try 3"),
        (2, 1, 2, "tester", "try 2"),
        (1, 0, 1, "tester", ""),
    ]
    assert all(m.state == ledger_pb2.ALIAS_MOVE_STATE_COMMITTED for m in listed)


@pytest.mark.usefixtures("iris")
@pytest.mark.parametrize(
    ("after_noon", "version"), [(0, 1), (0.5, 1), (1, 2), (1.99, 2), (2, 3), (None, 3)]
)
async def test_the_champion_at_a_time_is_told(
    registry: Registry, after_noon: float | None, version: int
) -> None:
    time = None if after_noon is None else NOON + timedelta(hours=after_noon)

    assert (await registry.ledger.GetAliasAt(at(time))).version == version


@pytest.mark.usefixtures("iris")
async def test_a_rollback_goes_back_and_again_further_back(registry: Registry) -> None:
    first = await roll_back(registry, reason="errors")
    second = await roll_back(registry)
    third = await refusal(
        registry.ledger.RollBackAlias(ledger_pb2.RollBackAliasRequest(model=IRIS, alias="champion"))
    )

    assert (first.number, first.version, first.restores, first.reason) == (4, 2, 2, "errors")
    assert (second.number, second.version, second.restores) == (5, 1, 1)
    assert (third.code, third.reason) == ("FAILED_PRECONDITION", "NO_EARLIER_MOVE")
    model = await registry.stub.GetModel(pb.GetModelRequest(name=IRIS))
    assert model.aliases["champion"].version == 1


@pytest.mark.usefixtures("iris")
async def test_a_move_after_a_rollback_is_rolled_back_to_the_rollback(registry: Registry) -> None:
    await roll_back(registry)
    await set_alias(registry, 1)

    move = await roll_back(registry)

    assert (move.version, move.restores) == (2, 2)


@pytest.mark.usefixtures("iris")
async def test_a_removed_alias_comes_back(registry: Registry) -> None:
    await set_alias(registry, 2, alias="nightly")
    await registry.stub.DeleteAlias(
        pb.DeleteAliasRequest(model=IRIS, alias="nightly", reason="unused")
    )
    removed = await refusal(registry.ledger.GetAliasAt(at(None, "nightly")))

    move = await roll_back(registry, "nightly")

    assert removed.reason == "ALIAS_NOT_SET"
    assert [m.reason for m in await moves(registry, "nightly")] == ["", "unused", "try 2"]
    assert move.version == 2


@pytest.mark.usefixtures("iris")
async def test_a_rollback_with_a_stale_etag_moves_nothing(registry: Registry) -> None:
    request = ledger_pb2.RollBackAliasRequest(model=IRIS, alias="champion", etag="r1")

    error = await refusal(registry.ledger.RollBackAlias(request))

    assert (error.code, error.reason) == ("ABORTED", "ETAG_MISMATCH")
    assert len(await moves(registry)) == 3


@pytest.mark.usefixtures("iris")
async def test_moves_come_in_pages_of_one_list(registry: Registry) -> None:
    request = ledger_pb2.ListAliasMovesRequest(parent=IRIS, page_size=2)
    first = await registry.ledger.ListAliasMoves(request)
    request.page_token = first.next_page_token
    last = await registry.ledger.ListAliasMoves(request)
    request.alias = "champion"
    error = await refusal(registry.ledger.ListAliasMoves(request))

    assert [m.number for m in (*first.moves, *last.moves)] == [3, 2, 1]
    assert last.next_page_token == ""
    assert error.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.usefixtures("iris")
@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (at(NOON - timedelta(seconds=1)), "NOT_FOUND", "ALIAS_NOT_SET"),
        (at(None, "nightly"), "NOT_FOUND", "ALIAS_NOT_SET"),
        (at(NOON + timedelta(days=9)), "INVALID_ARGUMENT", "TIME_IN_FUTURE"),
        (at(None, "No"), "INVALID_ARGUMENT", "ALIAS_INVALID"),
        (
            ledger_pb2.GetAliasAtRequest(model="models/no", alias="champion"),
            "NOT_FOUND",
            "MODEL_NOT_FOUND",
        ),
        (
            ledger_pb2.GetAliasAtRequest(
                model=IRIS, alias="champion", time=Timestamp(seconds=10**18)
            ),
            "INVALID_ARGUMENT",
            "TIME_INVALID",
        ),
    ],
)
async def test_a_question_that_has_no_answer_is_refused(
    registry: Registry, request_: Any, code: str, reason: str
) -> None:
    error = await refusal(registry.ledger.GetAliasAt(request_))

    assert (error.code, error.reason) == (code, reason)
