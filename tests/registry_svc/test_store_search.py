"""Searches of every store, held against the filter's own meaning."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from algolink.names import ModelName, VersionName
from registry_svc import search_sql
from registry_svc.domain import models
from registry_svc.domain.models import Model
from registry_svc.domain.search import fields, orders, predicates, records
from registry_svc.domain.search.matching import Record, matches
from registry_svc.domain.versions import State, Version
from registry_svc.store import Reader, Store
from tests.registry_svc.builders import NOON, a_version

MODELS = ("iris", "iris-2", "digits", "churn", "zz-top")
TEAMS = ("vision", "Vision", "sound", "a_b", "a%b", "été", "[x]*?")
FILTERS = 120
VERSIONS = 12

OF_VERSIONS = (
    "model = iris", "model = iris*", "model != *s", "model > digits", "model <= iris",
    "number > 3", "number = 5", "state = READY", "state != DELETED", "size_bytes >= 500",
    "description:TRAINED", "description = *e*", "trained", "pusher = ann",
    'create_time > "2026-11-21T15:00:00Z"', "tags.team = vision", "tags.team != vision",
    "tags.team:VIS", "tags.team = a_b", "tags.team = a_*", "tags.team = a%*", "tags:team",
    "tags.team > a", 'tags.team = "[x]*"', "tags.team = *é", "tags:none", "metrics.accuracy > 0.5",
    "metrics.accuracy = 0.25", "metrics.accuracy != 0.25", "metrics:loss", "metrics.loss < -0.1",
    "aliases:champion", "aliases:best", "aliases.champion > 2",
)  # fmt: skip
OF_MODELS = (
    "model = iris*", "iris", "latest_version >= 12", "aliases:champion", "aliases.best = 3",
    "aliases.champion != 1", "aliases:none", 'update_time <= "2026-11-21T12:00:00Z"',
)  # fmt: skip
ORDERS_OF_VERSIONS = (
    "", "model desc", "create_time desc", "metrics.accuracy desc", "metrics.accuracy",
    "metrics.loss, number", "tags.team, metrics.accuracy desc", "size_bytes, state desc",
)  # fmt: skip
ORDERS_OF_MODELS = ("", "model desc", "aliases.best desc", "aliases.best, latest_version")


@pytest.fixture(params=[0, 2_000], ids=["nothing is rare", "all is rare"], autouse=True)
def _rare(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way a database is asked, it says the same."""
    monkeypatch.setattr(search_sql, "RARE", request.param)


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20261121)


async def filled(store: Store, chance: random.Random) -> list[tuple[Model, list[Version]]]:
    """A store with models of some versions each."""
    made = []
    for name in MODELS:
        async with store.writing() as writer:
            model = models.new(ModelName(name), at=NOON)
            for _ in range(VERSIONS):
                model = models.with_next_version(model, aliases=(), at=NOON)
            model = models.point_alias(model, "champion", chance.randint(1, VERSIONS), at=NOON)
            if chance.random() < 0.6:
                model = models.point_alias(model, "best", 3, at=NOON)
            model = await writer.put_model(model)
            versions = [a_random_version(name, n + 1, chance) for n in range(VERSIONS)]
            for version in versions:
                await writer.add_version(version)
            made.append((model, versions))
    return made


def a_random_version(model: str, number: int, chance: random.Random) -> Version:
    metrics = {"accuracy": chance.choice([0.25, 0.5, 0.75]), "loss": chance.uniform(-1, 0)}
    return replace(
        a_version(model, number, state=chance.choice(list(State))),
        size_bytes=chance.choice([100, 500, 2**40]),
        description=chance.choice(["", "Trained on été", "retrained"]),
        create_time=NOON + timedelta(hours=number),
        tags={"team": chance.choice(TEAMS)} if chance.random() < 0.7 else {},
        metrics={name: value for name, value in metrics.items() if chance.random() < 0.7},
    )


def a_filter(conditions: Sequence[str], chance: random.Random, depth: int = 0) -> str:
    """Any conditions in any brackets."""
    if depth == 2 or chance.random() < 0.4:
        return chance.choice(("", "", "-")) + chance.choice(conditions)
    parts = [a_filter(conditions, chance, depth + 1) for _ in range(chance.randint(2, 3))]
    return f"({chance.choice((' AND ', ' OR ', ' ')).join(parts)})"


async def pages_of_versions(
    reader: Reader, predicate: predicates.Predicate, order: orders.Order, limit: int
) -> list[VersionName]:
    found: list[VersionName] = []
    after = None
    while page := await reader.search_versions(predicate, order, after=after, limit=limit):
        found += [version.name for version in page]
        after = orders.place(records.to_order(page[-1]), order)
    return found


def in_order(found: list[tuple[Record, VersionName]], order: orders.Order) -> list[VersionName]:
    """By comparing everything with everything: slow, and nothing to be wrong about."""
    return [
        name
        for _, name in sorted(
            (sum(orders.compared(other, record, order) < 0 for other, _ in found), name)
            for record, name in found
        )
    ]


async def test_versions_are_found_as_the_filter_means(store: Store, chance: random.Random) -> None:
    made = await filled(store, chance)
    every = [(records.of_version(v, model), v.name) for model, vs in made for v in vs]

    async with store.reading() as reader:
        for _ in range(FILTERS):
            text, by = a_filter(OF_VERSIONS, chance), chance.choice(ORDERS_OF_VERSIONS)
            predicate = predicates.read(text, fields.OF_VERSIONS)
            order = orders.read(by, fields.ORDERS_OF_VERSIONS, orders.VERSIONS)

            found = await pages_of_versions(reader, predicate, order, limit=chance.randint(7, 70))

            meant = [pair for pair in every if matches(predicate, pair[0])]
            assert found == in_order(meant, order), f"{text!r} by {by!r}"


async def test_models_are_found_as_the_filter_means(store: Store, chance: random.Random) -> None:
    made = await filled(store, chance)

    async with store.reading() as reader:
        for _ in range(FILTERS):
            text, by = a_filter(OF_MODELS, chance), chance.choice(ORDERS_OF_MODELS)
            predicate = predicates.read(text, fields.OF_MODELS)
            order = orders.read(by, fields.OF_MODELS, orders.MODELS)

            first = await reader.search_models(predicate, order, after=None, limit=2)
            place = orders.place(records.of_model(first[-1]), order) if first else None
            rest = await reader.search_models(predicate, order, after=place, limit=99)

            meant = {m.name for m, _ in made if matches(predicate, records.of_model(m))}
            found = [model.name for model in (*first, *(rest if first else ()))]
            assert (set(found), len(found)) == (meant, len(meant)), f"{text!r} by {by!r}"


async def test_what_stays_as_it_is_comes_once_whatever_is_written(
    store: Store, chance: random.Random
) -> None:
    made = await filled(store, chance)
    predicate = predicates.read("metrics:accuracy", fields.OF_VERSIONS)
    order = orders.read("metrics.accuracy desc", fields.ORDERS_OF_VERSIONS, orders.VERSIONS)
    touched: set[VersionName] = set()
    seen: list[VersionName] = []
    after = None

    while True:
        async with store.reading() as reader:
            page = await reader.search_versions(predicate, order, after=after, limit=5)
        if not page:
            break
        seen += [version.name for version in page]
        after = orders.place(records.to_order(page[-1]), order)
        model, versions = chance.choice(made)
        async with store.writing() as writer:
            changed = await writer.get_version(chance.choice(versions).name)
            await writer.put_version(replace(changed, metrics={"accuracy": chance.random()}))
            await writer.put_model(await writer.get_model(model.name))
        touched.add(changed.name)

    steady = {
        v.name for _, vs in made for v in vs if "accuracy" in v.metrics and v.name not in touched
    }
    assert [seen.count(name) for name in steady] == [1] * len(steady)


async def test_notes_that_were_changed_are_found_and_old_ones_are_not(store: Store) -> None:
    tagged = replace(a_version(), tags={"team": "vision"}, metrics={"f1": 0.5})
    async with store.writing() as writer:
        model = models.with_next_version(
            models.new(ModelName("iris"), at=NOON), aliases=(), at=NOON
        )
        await writer.put_model(model)
        await writer.add_version(tagged)
    async with store.writing() as writer:
        found = await writer.get_version(tagged.name)
        await writer.put_version(replace(found, tags={"team": "sound"}, metrics={"f1": 0.75}))

    order = orders.read("", fields.ORDERS_OF_VERSIONS, orders.VERSIONS)
    async with store.reading() as reader:
        found_by = {
            text: len(
                await pages_of_versions(
                    reader, predicates.read(text, fields.OF_VERSIONS), order, limit=9
                )
            )
            for text in ("tags.team = vision", "tags.team = sound", "metrics.f1 = 0.75")
        }

    assert found_by == {"tags.team = vision": 0, "tags.team = sound": 1, "metrics.f1 = 0.75": 1}
