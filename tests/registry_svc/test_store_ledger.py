"""What every store does with the ledger of aliases."""

from __future__ import annotations

from datetime import timedelta

from algolink.names import ExperimentName, ModelName
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.models import Evidence
from registry_svc.store import Store
from tests.registry_svc.builders import NOON, a_model, a_move

IRIS = ModelName("iris")


def numbers(moves: object) -> list[int]:
    assert isinstance(moves, list)
    return [move.number for move in moves]


async def save(store: Store, *moves: AliasMove) -> None:
    async with store.writing() as writer:
        for name in sorted({move.model.model for move in moves}):
            await writer.put_model(a_model(name))
        for move in moves:
            await writer.add_move(move)


async def test_a_move_is_read_back_whole(store: Store) -> None:
    move = a_move(
        7,
        version=None,
        previous_version=1,
        mover="ann",
        reason="why not",
        evidence=Evidence(experiment=ExperimentName("one"), verdict_digest="c" * 64),
        restores=3,
    )

    await save(store, move)

    async with store.reading() as reader:
        assert await reader.list_moves(IRIS, alias=None, below=None, limit=9) == [move]


async def test_moves_come_in_pages_newest_first(store: Store) -> None:
    await save(
        store,
        a_move(1),
        a_move(1, model="digits"),
        a_move(2, alias="nightly"),
        a_move(3, version=2),
    )

    async with store.reading() as reader:
        all_moves = await reader.list_moves(IRIS, alias=None, below=None, limit=2)
        rest = await reader.list_moves(IRIS, alias=None, below=2, limit=2)
        champion = await reader.list_moves(IRIS, alias="champion", below=None, limit=9)

    assert (numbers(all_moves), numbers(rest), numbers(champion)) == ([3, 2], [1], [3, 1])


async def test_the_last_move_at_or_before_a_time_is_found(store: Store) -> None:
    hour = timedelta(hours=1)
    await save(
        store,
        a_move(1, commit_time=NOON),
        a_move(2, version=2, commit_time=NOON + hour),
        a_move(3, version=3, commit_time=NOON + hour),
        a_move(4, alias="nightly", commit_time=NOON + hour),
    )

    async def found(after_noon: timedelta) -> int | None:
        async with store.reading() as reader:
            move = await reader.find_move_at(IRIS, "champion", NOON + after_noon)
        return move.number if move else None

    assert await found(-timedelta(microseconds=1)) is None
    assert await found(timedelta(0)) == 1
    assert await found(hour - timedelta(microseconds=1)) == 1
    assert await found(hour) == 3
