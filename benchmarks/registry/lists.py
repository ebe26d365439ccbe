"""How long it takes to find versions among many: SQLite and PostgreSQL side by side.

    python -m benchmarks.registry.lists [--models 100000] [--rounds 15]

Each model has five versions with two tags and two metrics. It fills a database of
each kind with the registry's own schema, then asks the real store, page by page.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from algolink.names import ModelName, VersionName
from chassis.database import open_engine
from registry_svc import schema
from registry_svc.domain import models
from registry_svc.domain.search import fields, orders, predicates
from registry_svc.store_sql import SqlStore
from tests.postgres import postgres_server

VERSIONS = 5
START = datetime(2024, 1, 1, tzinfo=UTC)
TEAMS = [f"team-{number}" for number in range(50)]

LISTS = {
    "newest of all": ("", "create_time desc"),
    "a rare tag and a metric": ('tags.run = "run-4711" AND metrics.accuracy > 0', ""),
    "a team's best": ("tags.team = team-7 AND metrics.accuracy > 0.9", "metrics.accuracy desc"),
    "champions above a metric": ("aliases:champion AND metrics.accuracy > 0.5", ""),
    "by a name's beginning": ("model = model-09*", ""),
    "nearly everything": ("state = READY AND tags:team", ""),
    "nothing": ("tags.team = nobody", "create_time desc"),
}
"""Filter and order by what they are for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    asyncio.run(_compare(arguments.models, arguments.rounds))


async def _compare(count: int, rounds: int) -> None:
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z, {os.cpu_count()} CPUs, {platform.machine()}, "
        f"{count:,} models of {VERSIONS} versions; p50 and worst of {rounds}, ms"
    )
    results: dict[str, dict[str, str]] = {}
    async for kind, engine in _engines():
        began = time.perf_counter()
        await _fill(engine, count)
        print(f"{kind} filled in {time.perf_counter() - began:.0f} s")
        async for what, times_ms in _times(SqlStore(engine), count, rounds):
            middle = statistics.median(times_ms)
            results.setdefault(what, {})[kind] = f"{middle:9.2f} {max(times_ms):9.2f}"
    print(f"{'':34}" + "".join(f"{kind:>21}" for kind in ("SQLite", "PostgreSQL")))
    for what, found in results.items():
        print(f"{what:34}" + "".join(f"{found[kind]:>21}" for kind in ("SQLite", "PostgreSQL")))


async def _engines() -> AsyncIterator[tuple[str, AsyncEngine]]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        # As it is installed: what is committed is on disk.
        server = stack.enter_context(postgres_server({"shared_buffers": "128MB"}))
        urls = {
            "SQLite": f"sqlite+aiosqlite:///{folder}/registry.db",
            "PostgreSQL": server.url(server.create_database()),
        }
        for kind, url in urls.items():
            async with open_engine(url, migrations="registry_svc.migrations") as engine:
                yield kind, engine


async def _times(
    store: SqlStore, count: int, rounds: int
) -> AsyncIterator[tuple[str, list[float]]]:
    chance = random.Random(7)  # noqa: S311
    names = [ModelName(_id(chance.randrange(count))) for _ in range(rounds)]
    yield "get a model", [await _timed(partial(_get, store, name)) for name in names]
    for what, (filter_, order_by) in LISTS.items():
        page = partial(_page, store, filter_, order_by)
        yield f"page of 100: {what}", [await _timed(page) for _ in range(rounds)]
    yield "move an alias", [await _timed(partial(_move, store, name)) for name in names]


async def _timed(call: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await call()
    return 1e3 * (time.perf_counter() - began)


async def _get(store: SqlStore, name: ModelName) -> None:
    async with store.reading() as reader:
        await reader.get_model(name)


async def _page(store: SqlStore, filter_: str, order_by: str) -> None:
    asked = predicates.read(filter_, fields.OF_VERSIONS)
    predicate = predicates.among_versions(asked, model=None, deleted=False)
    order = orders.read(order_by, fields.ORDERS_OF_VERSIONS, orders.VERSIONS)
    async with store.reading() as reader:
        await reader.search_versions(predicate, order, after=None, limit=101)


async def _move(store: SqlStore, name: ModelName) -> None:
    at = datetime.now(UTC)
    async with store.writing() as writer:
        model = await writer.get_model(name)
        target = 1 + model.aliases["champion"].version % VERSIONS
        await writer.get_version(VersionName(name.model, target))
        await writer.put_model(models.point_alias(model, "champion", target, at=at))


async def _fill(engine: AsyncEngine, count: int) -> None:
    chance = random.Random(1)  # noqa: S311
    rows = (_rows(number, chance) for number in range(count))
    async with engine.begin() as connection:
        while batch := list(islice(rows, 2_000)):
            for table in batch[0]:
                await connection.execute(sa.insert(table), _flat(batch, table))
        await connection.execute(sa.update(schema.database).values(head=count))
    async with engine.begin() as connection:
        await connection.execute(sa.text("ANALYZE"))


def _flat(batch: Sequence[dict[sa.Table, list[dict[str, Any]]]], table: sa.Table) -> list[Any]:
    return [row for rows in batch for row in rows[table]]


def _rows(number: int, chance: random.Random) -> dict[sa.Table, list[dict[str, Any]]]:
    model, made = _id(number), START + timedelta(minutes=number)
    versions = list(_versions(model, number, made, chance))
    own = [{"model": model, "number": version["number"]} for version in versions]
    return {
        schema.models: [
            {
                "model": model,
                "latest_version": VERSIONS,
                "create_time": made,
                "update_time": made,
                "revision": 1,
                "change": number + 1,
            }
        ],
        schema.aliases: [
            {"model": model, "alias": "champion", "version": 3, "update_time": made, "reason": ""}
        ],
        schema.versions: versions,
        schema.version_tags: [
            {**key, "key": name, "value": value}
            for key, version in zip(own, versions, strict=True)
            for name, value in version["tags"].items()
        ],
        schema.version_metrics: [
            {**key, "name": name, "value": value}
            for key, version in zip(own, versions, strict=True)
            for name, value in version["metrics"].items()
        ],
    }


def _versions(
    model: str, number: int, made: datetime, chance: random.Random
) -> Iterator[dict[str, Any]]:
    for version in range(1, VERSIONS + 1):
        yield {
            "model": model,
            "number": version,
            "digest": f"{number:032x}{version:032x}",
            "size_bytes": 1_000,
            "folder_files": 0,
            "folder_bytes": 0,
            "signature": {"inputs": [["x", "FP32", [-1, 4]]], "outputs": [["y", "FP32", [-1]]]},
            "description": "",
            "create_time": made + timedelta(seconds=version),
            "state": "READY",
            "state_time": made,
            "state_reason": "",
            "pusher": "bench",
            "tags": {"team": chance.choice(TEAMS), "run": f"run-{number}"},
            "metrics": {"accuracy": chance.random(), "loss": chance.random()},
            "revision": 1,
        }


def _id(number: int) -> str:
    return f"model-{number:06d}"


if __name__ == "__main__":
    main()
