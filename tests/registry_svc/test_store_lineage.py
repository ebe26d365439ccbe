"""Lineage in every store."""

from __future__ import annotations

import random
from collections.abc import Sequence

from algolink.names import ModelName, VersionName
from registry_svc import tracing
from registry_svc.domain import models
from registry_svc.domain.lineage import (
    Code,
    Column,
    DatasetUse,
    Lineage,
    Parent,
    Relation,
    Run,
)
from registry_svc.store import Store
from tests.registry_svc.builders import NOON, a_version

VERSIONS = [VersionName("iris", number) for number in range(1, 41)]


def a_lineage(version: VersionName, parents: Sequence[VersionName] = ()) -> Lineage:
    return Lineage(
        version=version,
        parents=tuple(Parent(parent, Relation.ENSEMBLE_OF) for parent in parents),
        recorder="ann",
        record_time=NOON,
    )


async def with_versions(store: Store) -> None:
    async with store.writing() as writer:
        model = models.new(ModelName("iris"), at=NOON)
        for _ in VERSIONS:
            model = models.with_next_version(model, aliases=(), at=NOON)
        model = models.point_alias(model, "best", 3, at=NOON)
        model = models.point_alias(model, "also-best", 3, at=NOON)
        await writer.put_model(model)
        for version in VERSIONS:
            await writer.add_version(a_version("iris", version.number))


async def test_a_lineage_is_read_as_it_was_written(store: Store) -> None:
    await with_versions(store)
    whole = Lineage(
        version=VERSIONS[2],
        datasets=(
            DatasetUse(uri="s3://a", digest="ab" * 32, role="test", row_count=2**40),
            DatasetUse(uri="s3://a", columns=(Column("é", "int"),)),
        ),
        code=Code(repository="r", commit="abcdef0", dirty=True),
        run=Run(id="7", parameters={"k": "v"}, metrics={"m": 0.1}),
        parents=(Parent(VERSIONS[0], Relation.DISTILLED_FROM),),
        environment_digest="cd" * 32,
        recorder="ann",
        record_time=NOON,
    )
    async with store.writing() as writer:
        await writer.add_lineage(whole)
        await writer.add_lineage(a_lineage(VERSIONS[3]))

    async with store.reading() as reader:
        found = await reader.find_lineages(VERSIONS)
        users = [await reader.users_of("s3://a", digest, limit=9) for digest in ("", "ab" * 32)]
        aliases = await reader.aliases_of(VERSIONS)

    assert found == {VERSIONS[2]: whole, VERSIONS[3]: a_lineage(VERSIONS[3])}
    assert users == [[VERSIONS[2]], [VERSIONS[2]]]
    assert aliases == {VERSIONS[0]: ("champion",), VERSIONS[2]: ("also-best", "best")}


async def test_both_ways_meet(store: Store) -> None:
    """Whoever is above a version has it below, for any graph without cycles."""
    await with_versions(store)
    chance = random.Random(4)
    async with store.writing() as writer:
        for number, version in enumerate(VERSIONS):
            parents = chance.sample(VERSIONS[:number], k=min(number, chance.randint(0, 3)))
            await writer.add_lineage(a_lineage(version, parents))

    async with store.reading() as reader:
        above = {v: set((await tracing.upstream(reader, [v])).origin) for v in VERSIONS}
        below = {v: set((await tracing.downstream(reader, [v])).origin) for v in VERSIONS}

    pairs = [(a, b) for a in VERSIONS for b in VERSIONS]
    assert [b in above[a] for a, b in pairs] == [a in below[b] for a, b in pairs]
    assert any(len(names) > 10 for names in above.values())
