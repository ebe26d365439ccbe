"""What every store does: in memory, on SQLite, on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from algolink.errors import Aborted, NotFound
from algolink.names import ExperimentName, ModelName, VersionName
from registry_svc.domain import models
from registry_svc.domain.models import Evidence, Model, ModelState
from registry_svc.domain.pushes import Push
from registry_svc.domain.versions import State
from registry_svc.store import Store
from tests.registry_svc.builders import NOON, a_model, a_version


async def save(store: Store, model: Model) -> Model:
    """Saves a new model with all its versions."""
    async with store.writing() as writer:
        saved = await writer.put_model(model)
        for number in range(1, model.latest_version + 1):
            await writer.add_version(a_version(model.name.model, number))
    return saved


async def test_a_saved_model_is_read_back_whole(store: Store) -> None:
    evidence = Evidence(experiment=ExperimentName("one"), verdict_digest="c" * 64)
    model = models.point_alias(
        a_model(versions=2), "champion", 2, at=NOON, reason="better", evidence=evidence
    )

    saved = await save(store, model)

    async with store.reading() as reader:
        assert await reader.get_model(model.name) == saved
        assert await reader.get_version(VersionName("iris", 2)) == a_version(number=2)
    assert saved == replace(model, revision=1)


async def test_an_alias_that_is_removed_stays_removed(store: Store) -> None:
    saved = await save(store, models.point_alias(a_model(), "candidate", 1, at=NOON))

    async with store.writing() as writer:
        await writer.put_model(models.remove_alias(saved, "candidate", at=NOON))

    async with store.reading() as reader:
        assert set((await reader.get_model(saved.name)).aliases) == {"champion"}


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    await save(store, a_model())

    async with store.reading() as reader:
        assert await reader.find_model(ModelName("digits")) is None
        with pytest.raises(NotFound, match="MODEL_NOT_FOUND"):
            await reader.get_model(ModelName("digits"))
        with pytest.raises(NotFound, match="MODEL_NOT_FOUND"):
            await reader.get_version(VersionName("digits", 1))
        with pytest.raises(NotFound, match="VERSION_NOT_FOUND"):
            await reader.get_version(VersionName("iris", 2))
        assert await reader.find_push("push-1") is None


async def test_a_stale_write_is_refused(store: Store) -> None:
    saved = await save(store, a_model())
    async with store.writing() as writer:
        await writer.put_model(saved)

    with pytest.raises(Aborted, match="ETAG_MISMATCH"):
        async with store.writing() as writer:
            await writer.put_model(saved)


async def test_a_transaction_that_fails_saves_nothing(store: Store) -> None:
    async def fail_after_writing() -> None:
        async with store.writing() as writer:
            await writer.put_model(a_model())
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fail_after_writing()

    async with store.reading() as reader:
        assert await reader.find_model(ModelName("iris")) is None
        assert await reader.head() == 0
        assert await reader.changed_since(0) == []


async def test_models_come_in_pages_by_name(store: Store) -> None:
    for name in ("b", "a-z", "a", "c"):
        await save(store, a_model(name))

    async with store.reading() as reader:
        first = await reader.list_models(after=None, limit=2)
        rest = await reader.list_models(after=first[-1].name, limit=9)

    assert [m.name.model for m in (*first, *rest)] == ["a", "a-z", "b", "c"]


async def test_versions_come_in_pages_newest_first(store: Store) -> None:
    model = await save(store, a_model(versions=3))

    async with store.reading() as reader:
        first = await reader.list_versions(model.name, below=None, limit=2)
        rest = await reader.list_versions(model.name, below=2, limit=9)

    assert [v.name.number for v in (*first, *rest)] == [3, 2, 1]


async def test_a_push_is_remembered_by_its_request_id(store: Store) -> None:
    push = Push(request_id="push-1", version=VersionName("iris", 1), digest="a" * 64)
    await save(store, a_model())
    async with store.writing() as writer:
        await writer.add_push(push)

    async with store.reading() as reader:
        assert await reader.find_push("push-1") == push


async def test_changes_are_the_latest_state_in_the_order_of_change(store: Store) -> None:
    iris = await save(store, a_model("iris", versions=2))
    digits = await save(store, a_model("digits"))
    async with store.writing() as writer:
        iris = await writer.put_model(models.point_alias(iris, "candidate", 2, at=NOON))

    async with store.reading() as reader:
        changes = await reader.changed_since(0)
        assert await reader.head() == 3
        assert await reader.changed_since(2) == changes[1:]
        assert await reader.changed_since(3) == []

    assert [(change.revision, change.item) for change in changes] == [
        (2, ModelState(digits, (a_version("digits", 1),))),
        (3, ModelState(iris, (a_version("iris", 2), a_version("iris", 1)))),
    ]


async def test_more_models_than_a_statement_takes_parameters_are_read(store: Store) -> None:
    async with store.writing() as writer:
        for number in range(1_001):
            await writer.put_model(a_model(f"m{number}"))

    async with store.reading() as reader:
        changes = await reader.changed_since(0)

    assert len(changes) == 1_001
    assert all("champion" in change.item.model.aliases for change in changes)


async def test_writers_follow_one_another(store: Store) -> None:
    await save(store, a_model())

    async def push_one_more() -> None:
        async with store.writing() as writer:
            model = await writer.get_model(ModelName("iris"))
            await writer.put_model(models.with_next_version(model, aliases=(), at=NOON))
            await writer.add_version(a_version("iris", model.latest_version + 1))

    await asyncio.gather(*(push_one_more() for _ in range(5)))

    async with store.reading() as reader:
        model = await reader.get_model(ModelName("iris"))
        versions = await reader.list_versions(model.name, below=None, limit=9)
    assert (model.latest_version, model.revision) == (6, 6)
    assert [v.name.number for v in versions] == [6, 5, 4, 3, 2, 1]


async def test_every_transaction_tells_the_same_instance(store: Store) -> None:
    async with store.reading() as reader:
        first = await reader.instance()
    async with store.writing() as writer:
        second = await writer.instance()

    assert first == second
    assert first


async def test_a_version_is_changed_whole(store: Store) -> None:
    model = await save(store, a_model(versions=2))
    changed = replace(
        a_version(number=2),
        state=State.DELETED,
        state_time=NOON + timedelta(hours=1),
        state_reason="leaks",
        purge_time=NOON + timedelta(days=30),
        description="more",
        tags={"team": "größer"},
        metrics={"auc": 0.1 + 0.2},
    )

    async with store.writing() as writer:
        saved = await writer.put_version(changed)
        await writer.put_model(model)

    async with store.reading() as reader:
        assert await reader.get_version(changed.name) == saved == replace(changed, revision=2)
        listed = await reader.list_versions(model.name, below=None, limit=9, deleted=False)
        (change,) = await reader.changed_since(0)
    assert [v.name.number for v in listed] == [1]
    assert change.item.versions == (saved, a_version(number=1))


async def test_a_stale_write_of_a_version_is_refused(store: Store) -> None:
    await save(store, a_model())
    async with store.writing() as writer:
        await writer.put_version(a_version())

    with pytest.raises(Aborted, match="ETAG_MISMATCH"):
        async with store.writing() as writer:
            await writer.put_version(a_version())
